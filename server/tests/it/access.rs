//! Permissions for messages: one table, checked over REST and, if a frame or a form exists, over the socket and the
//! pages.

use crate::support::{Answer, Home, Person, Server, fresh_id};
use serde_json::{Value, json};

/// The HTTP status for each kind of caller. `gone` is a message that its author has deleted: it cannot be forwarded
/// or reported. A message that the caller has no permission to see returns the same as one that does not exist.
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

/// A group with a caller of each kind.
struct Group {
    server: Server,
    id: String,
    author: Person,
    people: Vec<Standing>,
}

struct Standing {
    name: &'static str,
    person: Option<Person>,
    /// The cookie of the caller's browser.
    cookie: Option<String>,
    /// The caller's saved messages: the target of forwards.
    saved: String,
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
        let mut standings = vec![Standing { name: "anonymous", person: None, cookie: None, saved: id.clone() }];
        for (name, person) in names.into_iter().zip(people) {
            let listed = server.get("/api/v1/chats").by(&person).send().await.expect_status(200).json();
            let saved = listed["items"].as_array().unwrap().iter().find(|chat| chat["kind"] == "saved").unwrap();
            let (cookie, saved) = (server.cookie(&person).await, saved["id"].as_str().unwrap().to_owned());
            standings.push(Standing { name, person: Some(person), cookie: Some(cookie), saved });
        }
        Self { server, id, author, people: standings }
    }

    /// Posts a new message of the author, and deletes it if it must be `gone`.
    async fn message(&self, gone: bool) -> Value {
        let said = self.server.say(&self.author, &self.id, "Hello").await;
        if !gone {
            return said;
        }
        let path = format!("/api/v1/chats/{}/messages/{}", self.id, said["no"]);
        self.server.delete(&path).by(&self.author).send().await.expect_status(200).json()
    }

    async fn as_it_is(&self, no: &Value) -> Value {
        let after = no.as_u64().unwrap() - 1;
        let path = format!("/api/v1/chats/{}/messages?after={after}&limit=1", self.id);
        self.server.get(&path).by(&self.author).send().await.expect_status(200).json()["items"][0].take()
    }

    async fn over_rest(&self, deed: &str, no: &Value, by: &Standing) -> u16 {
        let (server, chat) = (&self.server, format!("/api/v1/chats/{}", self.id));
        let message = format!("{chat}/messages/{no}");
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
                server.post(&format!("{message}/forward"), json!({ "chat_id": by.saved, "client_id": fresh_id() }))
            }
            "report" => server.post(&format!("{message}/reports"), json!({ "reason": "Rude" })),
            "read" => server.post(&format!("{chat}/read"), json!({ "no": no })),
            _ => panic!("{deed} is not known"),
        };
        let ask = match &by.person {
            Some(person) => ask.by(person),
            None => ask,
        };
        ask.send().await.status
    }

    /// The error's code, or `Some(None)` after success; `None` if no frame does this.
    async fn over_socket(&self, deed: &str, no: &Value, by: &Standing) -> Option<Option<String>> {
        let mut frame = match deed {
            "answer" => json!({ "type": "send", "client_id": fresh_id(), "text": "And you?", "reply_to": no }),
            "edit" => json!({ "type": "edit", "no": no, "text": "Hi" }),
            "delete" => json!({ "type": "delete", "no": no }),
            "react" | "unreact" => json!({ "type": deed, "no": no, "emoji": "👍" }),
            _ => return None,
        };
        frame["chat_id"] = json!(self.id);
        let mut socket = match &by.person {
            Some(person) => self.server.socket(person).await,
            None => self.server.upgrade(&[]).await.unwrap(),
        };
        let answer = socket.call(frame).await;
        assert!(["ack", "error"].contains(&answer["type"].as_str().unwrap()), "the reply to {deed}: {answer}");
        Some(answer["code"].as_str().map(str::to_owned))
    }

    /// Like `over_socket`, with the form of a page.
    async fn over_pages(&self, deed: &str, no: &Value, by: &Standing) -> Option<Option<String>> {
        let (chat, id, to) = (&self.id, fresh_id(), &by.saved);
        let (form, fields) = match deed {
            "answer" => ("send_message", format!("client_id={id}&text=And+you%3F&reply_to={no}")),
            "edit" => ("edit_message", format!("no={no}&text=Hi")),
            "delete" => ("delete_messages", format!("nos={no}")),
            "react" => ("react", format!("no={no}&emoji=👍")),
            "unreact" => ("react", format!("no={no}&taken=👍")),
            "forward" => ("forward_messages", format!("nos={no}&to={to}&client_id={id}")),
            "report" => ("report_message", format!("no={no}&reason=Rude")),
            _ => return None,
        };
        let body = format!("chat_id={chat}&{fields}");
        let ask = self.server.ask("POST", &format!("/fn/{form}")).body("application/x-www-form-urlencoded", body);
        let ask = ask.header("origin", &format!("http://{}", self.server.address));
        let ask = match &by.cookie {
            Some(cookie) => ask.header("cookie", cookie),
            None => ask,
        };
        let answer: Answer = ask.send().await;
        Some((answer.status >= 400).then(|| answer.error_code()))
    }
}

/// The code of an error by its status (PROTOCOL section 3).
fn code(status: u16) -> Option<String> {
    let code = match status {
        401 => "unauthenticated",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        _ => return None,
    };
    Some(code.to_owned())
}

#[tokio::test]
async fn permissions_for_messages_are_the_same_on_every_pathway() {
    let group = Group::gather().await;
    let mut lines = TABLE.lines().map(str::trim).filter(|line| !line.is_empty());
    let names: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(names, group.people.iter().map(|standing| standing.name).collect::<Vec<_>>());
    for line in lines {
        let (deed, cells) = line.split_once(' ').unwrap();
        let cells = cells.trim_start();
        let (gone, cells) = cells.strip_prefix("gone").map_or((false, cells), |cells| (true, cells));
        let statuses: Vec<u16> = cells.split_whitespace().map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(statuses.len(), names.len(), "{line}");
        for (by, status) in group.people.iter().zip(statuses) {
            let what = format!("{deed}{} by {}", if gone { " gone" } else { "" }, by.name);
            let message = group.message(gone).await;
            let no = &message["no"];
            assert_eq!(group.over_rest(deed, no, by).await, status, "{what}, REST");
            if status >= 400 {
                if let Some(refused) = group.over_socket(deed, no, by).await {
                    assert_eq!(refused, code(status), "{what}, socket");
                }
                if let Some(refused) = group.over_pages(deed, no, by).await {
                    assert_eq!(refused, code(status), "{what}, pages");
                }
                assert_eq!(group.as_it_is(no).await, message, "{what}: the message does not change");
                continue;
            }
            // A second time on the same message may have another result.
            let no = &group.message(gone).await["no"];
            assert_eq!(group.over_socket(deed, no, by).await.flatten(), None, "{what}, socket");
            let no = &group.message(gone).await["no"];
            assert_eq!(group.over_pages(deed, no, by).await.flatten(), None, "{what}, pages");
        }
    }
}
