//! Failures of the database that pass by themselves: the client is asked to retry.

use crate::database;
use protocol::error::ErrorCode::{self, Internal, Unavailable};
use services::{Rejection, infra::database as pool};

#[tokio::test]
async fn failures_that_pass_are_unavailable_with_a_time_to_retry() {
    let db = pool::connect(&database::migrated().await, 1).await.unwrap();
    for (state, code) in [
        ("55P03", Unavailable),
        ("25006", Unavailable),
        ("25P03", Unavailable),
        ("40P01", Unavailable),
        ("57014", Unavailable),
        ("25P02", Internal),
        ("23505", Internal),
    ] {
        let raise = format!("do $$ begin raise exception using errcode = '{state}'; end $$");
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(raise)).execute(&db).await.unwrap_err();
        let rejection = Rejection::from(error);
        let expected: (ErrorCode, bool) = (code, code == Unavailable);
        assert_eq!((rejection.code(), rejection.retry_after.is_some()), expected, "{state}");
    }
}
