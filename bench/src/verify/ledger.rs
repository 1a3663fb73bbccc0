//! The results of runs, one JSON line each, so that a long campaign can resume and be added up.

use super::{
    history::{Action, Event, What},
    nemesis::Fault,
};
use crate::Result;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
};

/// A message counts as sent during a fault until this long after its end.
const AFTERMATH_US: u64 = 5_000_000;

/// The outcomes of sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub acknowledged: u64,
    /// Sent without a response.
    pub unknown: u64,
    /// Unknown at first, acknowledged after a retry.
    pub recovered: u64,
}

impl Tally {
    /// Outcomes of the whole history, and of the part from each fault's start to some seconds after its end.
    pub fn of(events: &[Event]) -> (Self, Self) {
        let (mut all, mut in_faults) = (Self::default(), Self::default());
        let (mut open, mut until) = (false, 0);
        let mut sends = HashMap::new();
        let mut unknown = HashMap::new();
        for event in events {
            let troubled = u64::from(open || event.at < until);
            match &event.what {
                What::Fault { proof: None, .. } => open = true,
                What::Fault { proof: Some(_), .. } => (open, until) = (false, event.at + AFTERMATH_US),
                What::Invoke { op, action: Action::Send { client_id, .. } } => {
                    sends.insert(op, client_id);
                }
                What::Unknown { op } => {
                    let Some(client_id) = sends.get(op) else { continue };
                    if unknown.insert(*client_id, troubled).is_none() {
                        (all.unknown, in_faults.unknown) = (all.unknown + 1, in_faults.unknown + troubled);
                    }
                }
                What::Acknowledged { op, .. } => {
                    let Some(client_id) = sends.get(op) else { continue };
                    (all.acknowledged, in_faults.acknowledged) =
                        (all.acknowledged + 1, in_faults.acknowledged + troubled);
                    if let Some(troubled) = unknown.remove(*client_id) {
                        (all.recovered, in_faults.recovered) = (all.recovered + 1, in_faults.recovered + troubled);
                    }
                }
                _ => {}
            }
        }
        (all, in_faults)
    }

    fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.recovered += other.recovered;
    }
}

/// The parameters of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub seed: u64,
    pub faults: Vec<Fault>,
    pub seconds: u64,
    pub people: u16,
}

impl Plan {
    /// The name of its files.
    pub fn name(&self) -> String {
        let faults: Vec<String> = self.faults.iter().map(|fault| format!("{fault:?}")).collect();
        format!("{}-{}", if faults.len() > 2 { "all".into() } else { faults.join("-") }, self.seed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Valid,
    /// No send was in doubt during a fault, so the run proves nothing.
    Void,
    Invalid,
}

/// The result of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub plan: Plan,
    pub verdict: Verdict,
    pub all: Tally,
    pub in_faults: Tally,
    pub inflicted: BTreeMap<Fault, usize>,
}

/// The finished runs.
pub struct Ledger {
    file: Option<File>,
    entries: Vec<Entry>,
}

impl Ledger {
    /// Reads an existing ledger; without a path, nothing is stored.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self { file: None, entries: Vec::new() }) };
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        // A truncated line belongs to an unfinished run.
        let lines = BufReader::new(&file).lines().map_while(std::result::Result::ok);
        let entries = lines.filter_map(|line| serde_json::from_str(&line).ok()).collect();
        Ok(Self { file: Some(file), entries })
    }

    pub fn holds(&self, plan: &Plan) -> bool {
        self.entries.iter().any(|entry| entry.plan == *plan)
    }

    pub fn add(&mut self, entry: Entry) -> Result<()> {
        if let Some(file) = &mut self.file {
            // One write per line: parallel campaigns must not mix their lines.
            file.write_all(format!("{}\n", serde_json::to_string(&entry)?).as_bytes())?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Whether every run was valid.
    pub fn is_sound(&self) -> bool {
        self.entries.iter().all(|entry| entry.verdict == Verdict::Valid)
    }

    /// A sentence with the sums over all runs.
    pub fn sum(&self) -> String {
        let (mut all, mut in_faults, mut faults) = (Tally::default(), Tally::default(), 0);
        for entry in self.entries.iter().filter(|entry| entry.verdict == Verdict::Valid) {
            all.add(&entry.all);
            in_faults.add(&entry.in_faults);
            faults += entry.inflicted.values().sum::<usize>();
        }
        let count = |verdict| self.entries.iter().filter(|entry| entry.verdict == verdict).count();
        format!(
            "{} runs valid, {} void, {} invalid. In the valid ones {} messages acknowledged, {} of them from a fault's \
             beginning to 5 s after its end; {} unknown, {} of them recovered; {faults} faults",
            count(Verdict::Valid),
            count(Verdict::Void),
            count(Verdict::Invalid),
            all.acknowledged,
            in_faults.acknowledged,
            all.unknown,
            all.recovered,
        )
    }
}

impl Entry {
    pub fn line(&self) -> String {
        let faults: Vec<String> = self.inflicted.iter().map(|(fault, times)| format!("{fault:?} {times}")).collect();
        let Tally { acknowledged, unknown, recovered } = self.all;
        format!(
            "seed {}: {}; {acknowledged} messages acknowledged, {} of them in faults; {unknown} unknown, {recovered} \
             recovered; faults: {}",
            self.plan.seed,
            match self.verdict {
                Verdict::Valid => "valid",
                Verdict::Void => "VOID, no send was in doubt",
                Verdict::Invalid => "INVALID",
            },
            self.in_faults.acknowledged,
            faults.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::{ChatId, ClientId};

    fn send(op: u64, client_id: ClientId) -> What {
        What::Invoke { op, action: Action::Send { chat_id: ChatId::fresh(), client_id, text: "Hello".into() } }
    }

    #[test]
    fn an_outcome_unknown_during_a_fault_is_recovered_once() {
        let (lost, calm) = (ClientId::fresh(), ClientId::fresh());
        let fault = |proof: Option<&str>| What::Fault { name: "Cut".into(), proof: proof.map(str::to_owned) };
        let whats = [
            (0, send(1, calm)),
            (1, What::Acknowledged { op: 1, row: None }),
            (2, fault(None)),
            (3, send(2, lost)),
            (4, What::Unknown { op: 2 }),
            (5, send(3, lost)),
            (6, What::Unknown { op: 3 }),
            (7, fault(Some("one connection"))),
            (8, send(4, lost)),
            (9 + AFTERMATH_US, What::Acknowledged { op: 4, row: None }),
        ];
        let events: Vec<Event> = whats.into_iter().map(|(at, what)| Event { at, who: None, what }).collect();
        let all = Tally { acknowledged: 2, unknown: 1, recovered: 1 };
        assert_eq!(Tally::of(&events), (all, Tally { acknowledged: 0, ..all }));
    }

    #[test]
    fn a_ledger_resumes_where_it_stopped() {
        let path = std::env::temp_dir().join(format!("messenger-ledger-{}", ClientId::fresh()));
        let plan = |seed| Plan { seed, faults: vec![Fault::Kill], seconds: 1, people: 3 };
        let tally = Tally { acknowledged: 10, unknown: 2, recovered: 1 };
        for seed in 1..=2 {
            let mut ledger = Ledger::open(Some(&path)).unwrap();
            assert!(!ledger.holds(&plan(seed)));
            let inflicted = BTreeMap::from([(Fault::Kill, 3)]);
            let entry = Entry { plan: plan(seed), verdict: Verdict::Valid, all: tally, in_faults: tally, inflicted };
            ledger.add(entry).unwrap();
            // A killed run leaves half a line.
            writeln!(ledger.file.unwrap(), "{{\"plan\":").unwrap();
        }
        let ledger = Ledger::open(Some(&path)).unwrap();
        assert!(ledger.holds(&plan(1)) && ledger.holds(&plan(2)));
        assert!(ledger.sum().starts_with("2 runs valid, 0 void, 0 invalid. In the valid ones 20 messages"));
        std::fs::remove_file(path).unwrap();
    }
}
