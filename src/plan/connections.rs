//! The number of connections that share the requests of a read when the call does not give it. More are tried while much is left, and kept where they
//! raise the rate.
//!
//! One connection is one flow of TCP and one goroutine of the server, so it can be the limit where neither the server nor the reader is. Only a trial
//! with another connection shows whether it is.

use std::time::Duration;

/// The most connections of a read when the call does not give their number.
const MOST: usize = 4;
/// The time for which a rate is measured.
const MEASURED: Duration = Duration::from_millis(300);
/// The least time after a change of the number in which no rate is measured. The bytes that were under way at the change must also have come.
const SETTLING: Duration = Duration::from_millis(100);
/// The factor by which twice as many connections must raise the rate to be kept.
const GAIN: f64 = 1.25;
/// More connections are tried while the rest of the read takes longer than this.
const WORTH: Duration = Duration::from_secs(1);
/// The search for the number starts again when the rate has fallen to this share of its earlier value.
const FALLEN: f64 = 0.5;

/// The measurements since the last look.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Bytes that came.
    pub bytes: u64,
    /// The time in which they came.
    pub elapsed: Duration,
    /// Whether the reader had more than it could take, so that the rate is the reader's.
    pub reader_is_limit: bool,
    /// Bytes that are still to come, as far as is known.
    pub left: u64,
    /// The bytes among them that were asked for.
    pub under_way: u64,
}

/// The number of connections of one read.
#[derive(Debug)]
pub struct Connections {
    count: usize,
    /// The rate with half as many connections, in bytes a second, while the present number is tried.
    before: Option<f64>,
    /// The rate at which the number was chosen; None while the search runs.
    settled: Option<f64>,
    /// The bytes that were under way when the number changed; None after they have come and a rate is measured.
    settling: Option<u64>,
    bytes: u64,
    elapsed: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self { count: 1, before: None, settled: None, settling: Some(0), bytes: 0, elapsed: Duration::ZERO }
    }
}

impl Connections {
    /// Notes the bytes that came. Returns the number of connections that shall share the requests from now on.
    pub fn after(&mut self, pace: Pace) -> usize {
        if pace.reader_is_limit {
            // The reader is the limit: no more connections are tried, and the present ones stay.
            self.settled = self.before.take().or(self.settled);
            self.measure_anew();
            return self.count;
        }
        self.bytes += pace.bytes;
        self.elapsed += pace.elapsed;
        if let Some(before) = self.settling {
            if self.elapsed >= SETTLING && self.bytes >= before {
                self.settling = None;
                self.measure_anew();
            }
            return self.count;
        }
        if self.elapsed < MEASURED {
            return self.count;
        }
        let rate = self.bytes as f64 / self.elapsed.as_secs_f64();
        self.measure_anew();
        match (self.before.take(), self.settled) {
            (Some(before), _) if rate < GAIN * before => {
                self.settled = Some(before);
                self.change(self.count / 2, pace);
            }
            (_, Some(settled)) if rate < FALLEN * settled => self.settled = None,
            (_, Some(_)) => {}
            (_, None) if self.count >= MOST => self.settled = Some(rate),
            (_, None) if pace.left as f64 > rate * WORTH.as_secs_f64() => {
                self.before = Some(rate);
                self.change(self.count * 2, pace);
            }
            (_, None) => {}
        }
        self.count
    }

    fn change(&mut self, count: usize, pace: Pace) {
        self.count = count;
        self.settling = Some(pace.under_way);
    }

    fn measure_anew(&mut self) {
        self.bytes = 0;
        self.elapsed = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits of a read, in bytes a second.
    #[derive(Clone, Copy)]
    struct World {
        connection: f64,
        server: f64,
        reader: f64,
    }

    impl World {
        /// The numbers of connections, each once while it does not change, over this many seconds of a read of this many bytes.
        fn numbers(self, connections: &mut Connections, seconds: u32, bytes: f64) -> Vec<usize> {
            let elapsed = Duration::from_millis(10);
            let (mut left, mut numbers) = (bytes, vec![connections.count]);
            for _ in 0..100 * seconds {
                let offered = (self.connection * connections.count as f64).min(self.server);
                let came = offered.min(self.reader) * elapsed.as_secs_f64();
                left = (left - came).max(0.0);
                let pace = Pace {
                    bytes: came as u64,
                    elapsed,
                    reader_is_limit: offered > self.reader,
                    left: left as u64,
                    under_way: left.min(UNDER_WAY) as u64,
                };
                let number = connections.after(pace);
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
            numbers
        }
    }

    const MB: f64 = 1e6;
    const UNDER_WAY: f64 = 16.0 * MB;
    const MUCH: f64 = 1e12;

    fn numbers(connection: f64, server: f64, reader: f64, bytes: f64) -> Vec<usize> {
        World { connection, server, reader }.numbers(&mut Connections::default(), 5, bytes)
    }

    #[test]
    fn more_connections_stay_where_each_is_the_limit() {
        assert_eq!(numbers(30.0 * MB, MUCH, MUCH, MUCH), [1, 2, 4]);
        // The server is at its limit with the third connection, and the fourth still raises the rate enough.
        assert_eq!(numbers(30.0 * MB, 80.0 * MB, MUCH, MUCH), [1, 2, 4]);
        assert_eq!(numbers(30.0 * MB, 65.0 * MB, MUCH, MUCH), [1, 2, 4, 2]);
    }

    #[test]
    fn where_the_server_is_the_limit_one_stays() {
        assert_eq!(numbers(300.0 * MB, 300.0 * MB, MUCH, MUCH), [1, 2, 1]);
        assert_eq!(numbers(300.0 * MB, 370.0 * MB, MUCH, MUCH), [1, 2, 1]);
    }

    #[test]
    fn where_the_reader_is_the_limit_no_more_are_tried() {
        assert_eq!(numbers(300.0 * MB, MUCH, 200.0 * MB, MUCH), [1]);
        assert_eq!(numbers(30.0 * MB, MUCH, 50.0 * MB, MUCH), [1, 2]);
    }

    #[test]
    fn what_is_over_soon_is_left_as_it_is() {
        assert_eq!(numbers(30.0 * MB, MUCH, MUCH, 35.0 * MB), [1]);
        assert_eq!(numbers(30.0 * MB, MUCH, MUCH, 80.0 * MB), [1, 2]);
    }

    #[test]
    fn they_are_looked_for_again_when_the_rate_falls() {
        let mut connections = Connections::default();
        let fast = World { connection: 300.0 * MB, server: 300.0 * MB, reader: MUCH };
        assert_eq!(fast.numbers(&mut connections, 5, MUCH), [1, 2, 1]);
        let narrow = World { connection: 30.0 * MB, ..fast };
        assert_eq!(narrow.numbers(&mut connections, 5, MUCH), [1, 2, 4]);
    }
}
