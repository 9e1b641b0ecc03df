//! The order in which a consumer delivers, and the sequences that it passed over between two messages.

use super::range::SequenceRange;

/// Follows the deliveries of one consumer as one process sees them.
///
/// A consumer numbers its deliveries (ADR-15, the consumer sequence), and delivers messages for the first time in stream
/// order. So between two first deliveries with no delivery between them that this process did not see, there was nothing
/// that the consumer could give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryOrder {
    /// The number of the last delivery that was seen.
    last: u64,
    /// The stream sequence of the last first delivery up to there; None when it may have gone to another process.
    reached: Option<u64>,
}

impl DeliveryOrder {
    /// Takes a delivery: its number, the message's sequence, and whether it is the message's first delivery. Returns the sequences that the consumer
    /// passed over right before it; None where they are not known.
    ///
    /// The first delivery of all has no predecessor: the consumer passed over all sequences before it. A consumer that is set to another place
    /// counts from 1 again: it passed over the sequences between the two places.
    pub fn take(&mut self, number: u64, sequence: u64, is_first: bool) -> Option<SequenceRange> {
        let before = match number {
            1 if self.last == 0 => Some(0),
            1 => self.reached,
            _ => self.reached.filter(|_| number == self.last.saturating_add(1)),
        };
        self.last = number;
        if !is_first {
            self.reached = before;
            return None;
        }
        self.reached = Some(sequence);
        let passed = SequenceRange { first: before?.saturating_add(1), last: sequence.saturating_sub(1) };
        (!passed.is_empty()).then_some(passed)
    }

    /// Takes note that the passed over sequences up to this one are settled: they are not returned again.
    pub fn pass(&mut self, sequence: u64) {
        self.reached = self.reached.map(|reached| reached.max(sequence));
    }

    /// The sequences behind the last first delivery, up to the end of the stream; None unless this process saw the consumer's
    /// last delivery, which has the number `number`.
    #[must_use]
    pub fn rest(&self, number: u64, end: u64) -> Option<SequenceRange> {
        let reached = self.reached.filter(|_| number == self.last)?;
        let rest = SequenceRange { first: reached.saturating_add(1), last: end };
        (!rest.is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Numbers;

    #[test]
    fn passed_over_is_what_lies_between_two_first_deliveries() {
        let mut order = DeliveryOrder::default();
        let range = |first, last| Some(SequenceRange { first, last });
        for (number, sequence, is_first, passed) in [
            (1, 3, true, range(1, 2)),
            (2, 4, true, None),
            (3, 9, true, range(5, 8)),
            // Again, and then on.
            (4, 4, false, None),
            (5, 10, true, None),
            (6, 13, true, range(11, 12)),
            // Number 7 went to another process.
            (8, 20, true, None),
            (9, 22, true, range(21, 21)),
            (11, 21, false, None),
            (12, 30, true, None),
            (13, 32, true, range(31, 31)),
        ] {
            assert_eq!(order.take(number, sequence, is_first), passed, "delivery {number}");
        }
        assert_eq!(order.rest(13, 40), range(33, 40));
        assert_eq!((order.rest(13, 32), order.rest(14, 40)), (None, None));
        order.pass(35);
        assert_eq!(order.rest(13, 40), range(36, 40));
        // Set to another place, forward and back.
        assert_eq!(order.take(1, 50, true), range(36, 49));
        assert_eq!(order.take(1, 20, true), None);
    }

    #[test]
    fn what_others_were_given_is_never_called_passed_over() {
        for seed in 0..2_000 {
            let mut numbers = Numbers(seed);
            let (mut order, mut sequence, mut given) = (DeliveryOrder::default(), 0, Vec::new());
            let mut existing = Vec::new();
            for number in 1..60 {
                let again = numbers.below(5) == 0 && !given.is_empty();
                let delivered = if again {
                    given[numbers.below(given.len() as u64) as usize]
                } else {
                    sequence += 1 + numbers.below(3) * numbers.below(3);
                    existing.push(sequence);
                    sequence
                };
                given.push(delivered);
                // One in four deliveries goes to another process.
                if numbers.below(4) > 0
                    && let Some(passed) = order.take(number, delivered, !again)
                {
                    let between = existing.iter().filter(|exists| (passed.first..=passed.last).contains(*exists));
                    assert_eq!(between.count(), 0, "seed {seed}, delivery {number}");
                }
            }
        }
    }
}
