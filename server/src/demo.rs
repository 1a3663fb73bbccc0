//! `messenger demo`.

use clap::Args;

#[derive(Args)]
pub struct Demo {}

pub async fn run(_demo: Demo) -> Result<(), String> {
    Err("soon".into())
}
