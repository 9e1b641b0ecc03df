//! The acknowledgements that a consumer's state proves.

/// The progress of a consumer, as `CONSUMER.INFO` reports it, in stream sequences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last sequence that was delivered.
    pub delivered: u64,
    /// The ack floor: no message up to this sequence waits for an acknowledgement.
    pub ack_floor: u64,
    /// The number of messages that wait for an acknowledgement, of any process.
    pub ack_pending: u64,
}

impl Progress {
    /// Whether it proves that a message which was delivered is acknowledged: the same report counts the message as delivered, and it is not above the
    /// floor. The report of a server that lost its record of deliveries proves nothing about them.
    #[must_use]
    pub fn proves(&self, sequence: u64) -> bool {
        sequence <= self.delivered.min(self.ack_floor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A consumer as a server keeps it, with what it forgets when it is killed.
    #[derive(Clone, Default)]
    struct Consumer {
        delivered: u64,
        floor: u64,
        pending: BTreeSet<u64>,
    }

    impl Consumer {
        fn acknowledge(&mut self, sequence: u64) {
            if self.pending.remove(&sequence) {
                self.floor = self.pending.first().map_or(self.delivered, |first| first - 1);
            }
        }

        fn progress(&self) -> Progress {
            let ack_pending = self.pending.len() as u64;
            Progress { delivered: self.delivered, ack_floor: self.floor, ack_pending }
        }
    }

    #[test]
    fn nothing_is_proven_that_can_come_again() {
        let mut seed = 7_u64;
        let mut below = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % bound
        };
        let (mut proven, mut open) = (0_u64, 0_u64);
        for _ in 0..20_000 {
            let (mut now, mut stored) = (Consumer::default(), Consumer::default());
            for _ in 0..12 {
                match below(8) {
                    0..=3 => {
                        now.delivered += 1;
                        now.pending.insert(now.delivered);
                    }
                    // Acknowledgements get lost on their way, and come in any order.
                    4 | 5 => now.acknowledge(1 + below(now.delivered + 1)),
                    6 => stored = now.clone(),
                    // A server that is killed comes back with what it had stored.
                    _ => now = if below(4) == 0 { stored.clone() } else { now },
                }
                let progress = now.progress();
                for sequence in 1..=12 {
                    let comes_again = sequence > now.delivered || now.pending.contains(&sequence);
                    assert!(!(comes_again && progress.proves(sequence)), "{progress:?} {sequence}");
                    proven += u64::from(progress.proves(sequence));
                    open += u64::from(comes_again);
                }
            }
        }
        assert!(proven > 10_000 && open > 10_000, "{proven} {open}");
    }
}
