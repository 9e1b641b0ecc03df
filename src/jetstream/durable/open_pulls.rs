//! The pull requests of one read that may still bring messages.
//!
//! A message does not tell which request it is for, so they are counted together: what was asked for, what came, and what a status says will not come.

/// What the status that ends a pull tells of the messages that were asked for and not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Their number, by a header of the status.
    Number(u64),
    /// All: the server refused the pull, and sent nothing for it.
    All,
    /// Nothing: servers send no number with 404, whether the pull has brought all that there was or there was nothing.
    Untold,
}

/// A pull request.
#[derive(Debug)]
struct Request {
    number: u64,
    asked: u64,
    /// How many messages had come when it was sent.
    came_before: u64,
}

/// The open pulls of a read.
#[derive(Debug, Default)]
pub(super) struct OpenPulls {
    requests: Vec<Request>,
    /// The number of messages that are still to come; never too small.
    expected: u64,
    /// Whether `expected` may be too large: a pull ended by a status that does not tell what is missing, while others were open.
    uncertain: bool,
    /// The number of messages that came.
    came: u64,
    is_replicated: bool,
}

impl OpenPulls {
    /// None is open. A consumer with replicas sends a message when they know of its delivery, and a status at once; one without sends both in
    /// the order in which it serves pulls.
    pub(super) fn new(is_replicated: bool) -> Self {
        Self { is_replicated, ..Self::default() }
    }

    /// The number of messages that are still to come.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// The number of messages that are still to come for pulls below this number, while nothing has come for the others.
    pub(super) fn expected_below(&self, number: u64) -> u64 {
        let others: u64 =
            self.requests.iter().filter(|request| request.number >= number).map(|request| request.asked).sum();
        self.expected.saturating_sub(others)
    }

    /// Whether fewer messages may come than are expected, without a status.
    pub(super) fn is_uncertain(&self) -> bool {
        self.uncertain
    }

    /// A pull was sent.
    pub(super) fn add(&mut self, number: u64, asked: u64) {
        self.requests.push(Request { number, asked, came_before: self.came });
        self.expected += asked;
    }

    /// A message came. It may come after the status of its pull, and count for another.
    pub(super) fn came(&mut self) {
        self.came += 1;
        self.expected = self.expected.saturating_sub(1);
        if self.expected == 0 {
            self.close();
        }
    }

    /// A status ended the pull with this number. The number of messages that will not come; None when the pull is not open.
    pub(super) fn end(&mut self, number: u64, missing: Missing) -> Option<u64> {
        let position = self.requests.iter().position(|request| request.number == number)?;
        let Request { asked, came_before, .. } = self.requests.remove(position);
        let before = self.expected;
        self.expected = match missing {
            Missing::Number(missing) => before.saturating_sub(missing.min(asked)),
            Missing::All => before.saturating_sub(asked),
            Missing::Untold if self.is_replicated => {
                // Of the messages that came since it was sent, each may have been for it or for another.
                let since = self.came - came_before;
                self.uncertain |= since > 0;
                (before + since).saturating_sub(asked).min(before)
            }
            Missing::Untold => {
                // The consumer had nothing left, and what it sent for this pull and those before has come.
                let later = || self.requests.iter().filter(|request| request.number > number);
                // A later one that asked for less may be filled.
                self.uncertain |= later().any(|request| request.came_before < self.came);
                before.min(later().map(|request| request.asked).sum())
            }
        };
        if self.expected == 0 {
            self.close();
        }
        Some(before - self.expected)
    }

    /// The pulls bring nothing more. The number of messages that were expected.
    pub(super) fn close(&mut self) -> u64 {
        self.requests.clear();
        self.uncertain = false;
        std::mem::take(&mut self.expected)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::testing::Numbers;

    /// What the server sends.
    #[derive(Debug, Clone, Copy)]
    enum Sent {
        Message,
        Status(u64, Missing),
    }

    /// A consumer as nats-server serves it: pulls that do not wait, in turn; what it sends is on its way for some time.
    #[derive(Default)]
    struct Server {
        pending: u64,
        /// Number, and how many messages it is still to get.
        pulls: VecDeque<(u64, u64)>,
        sent: VecDeque<Sent>,
        /// Only a consumer with replicas says how many messages a pull leaves out that was not refused.
        is_replicated: bool,
    }

    impl Server {
        fn pull(&mut self, number: u64, asked: u64) {
            let promised: u64 = self.pulls.iter().map(|pull| pull.1).sum();
            if self.pending == 0 {
                self.sent.push_back(Sent::Status(number, Missing::Untold));
            } else if self.pending < promised {
                self.sent.push_back(Sent::Status(number, Missing::All));
            } else {
                self.pulls.push_back((number, asked));
            }
        }

        fn give(&mut self, numbers: &mut Numbers) {
            if self.pending > 0 {
                if let Some((number, left)) = self.pulls.pop_front() {
                    self.pending -= 1;
                    self.sent.push_back(Sent::Message);
                    if left > 1 {
                        self.pulls.push_back((number, left - 1));
                    }
                }
                return;
            }
            for (number, left) in std::mem::take(&mut self.pulls) {
                let missing =
                    if self.is_replicated && numbers.below(3) == 0 { Missing::Number(left) } else { Missing::Untold };
                self.sent.push_back(Sent::Status(number, missing));
            }
        }

        fn on_the_way(&self) -> u64 {
            self.sent.iter().filter(|sent| matches!(sent, Sent::Message)).count() as u64
        }
    }

    #[test]
    fn no_message_comes_that_is_not_expected() {
        // Of consumers without replicas and with.
        let (mut refused, mut uncertain) = (0, [0; 2]);
        for seed in 0..2_000 {
            let numbers = &mut Numbers(seed);
            let mut server = Server { pending: numbers.below(60), is_replicated: seed % 2 == 0, ..Server::default() };
            let (mut open, mut next) = (OpenPulls::new(server.is_replicated), 0);
            for step in 0..400 {
                match numbers.below(8) {
                    0 if step < 300 && open.expected() < 20 => {
                        let asked = 1 + numbers.below(20);
                        open.add(next, asked);
                        server.pull(next, asked);
                        next += 1;
                    }
                    1 if numbers.below(4) == 0 && server.pulls.is_empty() => server.pending += numbers.below(10),
                    2..5 => server.give(numbers),
                    _ => match server.sent.pop_front() {
                        Some(Sent::Message) => {
                            assert!(open.expected() > 0, "seed {seed}, step {step}");
                            open.came();
                        }
                        Some(Sent::Status(number, missing)) => {
                            refused += u64::from(missing == Missing::All);
                            open.end(number, missing);
                        }
                        None => {}
                    },
                }
                assert!(open.expected() >= server.on_the_way(), "seed {seed}, step {step}");
            }
            if server.sent.is_empty() && server.pulls.is_empty() && open.expected() > 0 {
                assert!(open.is_uncertain(), "seed {seed}: {open:?}");
                uncertain[usize::from(server.is_replicated)] += 1;
            }
        }
        assert!(refused > 100, "{refused}");
        assert!(uncertain[0] < 20, "{uncertain:?}");
    }

    #[test]
    fn a_refused_pull_ends_alone() {
        let mut open = OpenPulls::new(false);
        open.add(0, 8);
        open.add(1, 8);
        open.came();
        assert_eq!(open.end(1, Missing::All), Some(8));
        assert_eq!((open.expected(), open.is_uncertain()), (7, false));
        assert_eq!(open.end(1, Missing::All), None);
        assert_eq!(open.end(0, Missing::Untold), Some(7));
        assert_eq!(open.expected(), 0);
    }

    #[test]
    fn what_is_expected_of_earlier_pulls() {
        let mut open = OpenPulls::new(false);
        open.add(0, 4);
        open.add(1, 4);
        (0..3).for_each(|_| open.came());
        open.add(2, 8);
        assert_eq!((open.expected_below(0), open.expected_below(2), open.expected_below(u64::MAX)), (0, 5, 13));
        (0..5).for_each(|_| open.came());
        assert_eq!((open.expected_below(2), open.expected()), (0, 8));
    }

    #[test]
    fn a_message_that_comes_after_the_status_is_expected() {
        let mut open = OpenPulls::new(false);
        open.add(0, 10);
        (0..3).for_each(|_| open.came());
        assert_eq!(open.end(0, Missing::Number(6)), Some(6));
        assert_eq!(open.expected(), 1);
        open.came();
        assert_eq!(open.expected(), 0);
    }
}
