//! What a run counts, and how it is told.

use std::time::Duration;

/// Longer than a second counts as one.
const LONGEST: usize = 1_000_000;

pub struct Tally {
    pub messages: u64,
    pub bytes: u64,
    /// How many took each number of microseconds; memory of a fixed size costs the load the same all the time.
    latencies: Vec<u32>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            messages: 0,
            bytes: 0,
            latencies: vec![0; LONGEST + 1],
        }
    }
}

impl Tally {
    pub fn took(&mut self, time: Duration) {
        self.latencies[(time.as_micros() as usize).min(LONGEST)] += 1;
    }

    /// One line of JSON; no percentiles when no message was timed.
    pub fn summary(&self, elapsed: Duration) -> String {
        let percentile = |part: f64| {
            self.percentile(part)
                .map_or("null".into(), |time| time.to_string())
        };
        format!(
            "{{\"messages\":{},\"microseconds\":{},\"bytes\":{},\"p50\":{},\"p99\":{}}}",
            self.messages,
            elapsed.as_micros(),
            self.bytes,
            percentile(0.5),
            percentile(0.99),
        )
    }

    fn percentile(&self, part: f64) -> Option<usize> {
        let count: u64 = self.latencies.iter().map(|&count| u64::from(count)).sum();
        let place = (count as f64 * part) as u64;
        let mut before = 0;
        self.latencies.iter().position(|&here| {
            before += u64::from(here);
            before > place
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_timed() {
        let mut tally = Tally::default();
        assert_eq!(tally.percentile(0.5), None);
        for micros in 1..=100 {
            tally.took(Duration::from_micros(micros));
        }
        tally.took(Duration::from_secs(100));
        assert_eq!(tally.percentile(0.5), Some(51));
        assert_eq!(tally.percentile(0.99), Some(100));
        assert_eq!(tally.percentile(0.999), Some(LONGEST));
    }

    #[test]
    fn what_was_not_timed_has_no_percentiles() {
        let summary = Tally::default().summary(Duration::from_millis(2));
        assert_eq!(
            summary,
            r#"{"messages":0,"microseconds":2000,"bytes":0,"p50":null,"p99":null}"#
        );
    }
}
