//! The one table of roles: the routes and the background tasks of each.

use crate::{
    config::Role,
    http::{Api, api, pages},
    socket,
};
use services::{Node, auth, profiles::presence};

struct RoleRow {
    role: Role,
    routes: &'static [fn() -> Api],
    tasks: &'static [fn(&Node)],
}

const ROLES: &[RoleRow] = &[
    RoleRow { role: Role::Web, routes: &[pages::routes, api::profiles::routes], tasks: &[] },
    RoleRow {
        role: Role::Auth,
        routes: &[api::auth::routes],
        tasks: &[|node| {
            auth::warm_up();
            node.tasks.spawn(auth::forget_ended_sessions(node.clone()));
        }],
    },
    RoleRow {
        role: Role::Chat,
        routes: &[api::chat::routes, api::groups::routes, socket::routes],
        tasks: &[|node| {
            node.tasks.spawn(auth::watch_sessions(node.clone()));
            node.tasks.spawn(presence::announce(node.clone()));
        }],
    },
    RoleRow { role: Role::Files, routes: &[], tasks: &[] },
    RoleRow { role: Role::Worker, routes: &[], tasks: &[] },
];

fn chosen(roles: &[Role]) -> impl Iterator<Item = &'static RoleRow> {
    ROLES.iter().filter(move |row| roles.contains(&Role::All) || roles.contains(&row.role))
}

/// The routes of some roles, with their documentation.
pub fn routes(roles: &[Role]) -> Api {
    chosen(roles).flat_map(|row| row.routes).fold(Api::new(), |api, routes| api.merge(routes()))
}

/// Starts the background tasks of some roles. Every role checks tokens, so every role loads the keys.
pub fn spawn_tasks(node: &Node, roles: &[Role]) {
    node.tasks.spawn(auth::load_keys(node.clone()));
    chosen(roles).flat_map(|row| row.tasks).for_each(|spawn| spawn(node));
}
