//! Who may do what to a message: one table, held over REST and over the socket alike.

use crate::support::{Home, Person, Server, Socket, fresh_id};
use serde_json::json;

/// Statuses by who asks; over the socket a refusal has the code of the same status. A message that is gone is
/// one that its author has deleted: of its words nothing is left to forward or to report. What one may not see
/// is answered as what does not exist.
const TABLE: &str = "
                    anonymous  stranger  former  member  author  admin  owner
    answer          401        404       404     201     201     201    201
    answer gone     401        404       404     201     201     201    201
    edit            401        404       404     403     200     403    403
    edit gone       401        404       404     403     409     403    403
    delete          401        404       404     403     200     200    200
    delete gone     401        404       404     403     200     200    200
    react           401        404       404     200     200     200    200
    react gone      401        404       404     409     409     409    409
    unreact         401        404       404     200     200     200    200
    unreact gone    401        404       404     200     200     200    200
    reactions       401        404       404     200     200     200    200
    reactions gone  401        404       404     200     200     200    200
    forward         401        404       404     201     201     201    201
    forward gone    401        404       404     404     404     404    404
    report          401        404       404     204     204     204    204
    report gone     401        404       404     404     404     404    404
    read            401        404       404     204     204     204    204
";

/// A group, with somebody of each standing to a message in it.
struct Group {
    server: Server,
    id: String,
    people: Vec<(&'static str, Option<Person>)>,
    author: Person,
}

impl Group {
    async fn gather() -> Self {
        let server = Server::at(Home::new(&["--limits", "off"]).await).await;
        let names = ["stranger", "former", "member", "author", "admin", "owner"];
        let people = server.people(names).await;
        let [_, former, member, author, admin, owner] = &people;
        let id = server.group(owner, &[former, member, author, admin]).await;
        let of = |person: &Person| format!("/api/v1/chats/{id}/members/{}", person.id);
        server.patch(&of(admin), json!({ "role": "admin" })).by(owner).send().await.expect_status(204);
        server.delete(&of(former)).by(owner).send().await.expect_status(204);
        let author = author.clone();
        let known = names.into_iter().zip(people.map(Some));
        Self { server, id, people: [("anonymous", None)].into_iter().chain(known).collect(), author }
    }

    /// The number of a new message of the author's.
    async fn message(&self, gone: bool) -> u64 {
        let no = self.server.say(&self.author, &self.id, "Hello").await["no"].as_u64().unwrap();
        if gone {
            self.server.delete(&self.path(no)).by(&self.author).send().await.expect_status(200);
        }
        no
    }

    fn path(&self, no: u64) -> String {
        format!("/api/v1/chats/{}/messages/{no}", self.id)
    }

    /// The status of a request.
    async fn over_rest(&self, deed: &str, no: u64, person: Option<&Person>) -> u16 {
        let (server, message) = (&self.server, self.path(no));
        let chat = format!("/api/v1/chats/{}", self.id);
        let ask = match deed {
            "answer" => {
                let body = json!({ "client_id": fresh_id(), "text": "And you?", "reply_to": no });
                server.post(&format!("{chat}/messages"), body)
            }
            "edit" => server.patch(&message, json!({ "text": "Hi" })),
            "delete" => server.delete(&message),
            "react" => server.ask("PUT", &format!("{message}/reactions/👍")),
            "unreact" => server.delete(&format!("{message}/reactions/👍")),
            "reactions" => server.get(&format!("{message}/reactions")),
            "forward" => {
                let into = match person {
                    Some(person) => self.saved(person).await,
                    None => self.id.clone(),
                };
                server.post(&format!("{message}/forward"), json!({ "chat_id": into, "client_id": fresh_id() }))
            }
            "report" => server.post(&format!("{message}/reports"), json!({ "reason": "Rude" })),
            "read" => server.post(&format!("{chat}/read"), json!({ "no": no })),
            _ => panic!("{deed} is not known"),
        };
        let ask = match person {
            Some(person) => ask.by(person),
            None => ask,
        };
        ask.send().await.status
    }

    /// The status that the answer to a frame stands for, where there is such a frame and it is answered.
    async fn over_socket(&self, deed: &str, no: u64, socket: &mut Socket) -> Option<u16> {
        let chat_id = &self.id;
        let frame = match deed {
            "answer" => {
                json!({ "type": "send", "chat_id": chat_id, "client_id": fresh_id(), "text": "Hm", "reply_to": no })
            }
            "edit" => json!({ "type": "edit", "chat_id": chat_id, "no": no, "text": "Hi" }),
            "delete" => json!({ "type": "delete", "chat_id": chat_id, "no": no }),
            "react" | "unreact" => json!({ "type": deed, "chat_id": chat_id, "no": no, "emoji": "👍" }),
            _ => return None,
        };
        let answer = socket.call(frame).await;
        Some(match (answer["type"].as_str().unwrap(), answer["code"].as_str()) {
            ("ack", _) if deed == "answer" => 201,
            ("ack", _) => 200,
            ("error", Some("unauthenticated")) => 401,
            ("error", Some("forbidden")) => 403,
            ("error", Some("not_found")) => 404,
            ("error", Some("conflict")) => 409,
            _ => panic!("{deed} is answered {answer}"),
        })
    }

    /// Somebody's own notes.
    async fn saved(&self, person: &Person) -> String {
        let listed = self.server.get("/api/v1/chats").by(person).send().await.expect_status(200).json();
        let saved = listed["items"].as_array().unwrap().iter().find(|chat| chat["kind"] == "saved").unwrap();
        saved["id"].as_str().unwrap().to_owned()
    }

    async fn socket(&self, person: Option<&Person>) -> Socket {
        match person {
            Some(person) => self.server.socket(person).await,
            None => self.server.upgrade(&[]).await.unwrap(),
        }
    }
}

#[tokio::test]
async fn everybody_may_do_to_a_message_what_their_standing_allows_over_each_pathway() {
    let group = Group::gather().await;
    let mut lines = TABLE.lines().map(str::trim).filter(|line| !line.is_empty());
    let standings: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(standings, group.people.iter().map(|(standing, _)| *standing).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for line in lines {
        let (deed, mut cells) = line.split_once(' ').unwrap();
        let gone = cells.trim_start().starts_with("gone");
        cells = cells.trim_start().trim_start_matches("gone");
        let expected: Vec<u16> = cells.split_whitespace().map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(expected.len(), standings.len(), "{line}");
        for ((standing, person), expected) in group.people.iter().zip(expected) {
            let mut told = |pathway: &str, status: u16| {
                if status != expected {
                    wrong.push(format!("{deed}{}, {standing}, {pathway}: {status}", if gone { " gone" } else { "" }));
                }
            };
            told("REST", group.over_rest(deed, group.message(gone).await, person.as_ref()).await);
            let mut socket = group.socket(person.as_ref()).await;
            if let Some(status) = group.over_socket(deed, group.message(gone).await, &mut socket).await {
                told("socket", status);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
