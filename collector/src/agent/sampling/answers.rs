//! What collectors have answered, kept within bounds.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// A question: path and query, and the tenant that asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) path_and_query: String,
    pub(super) tenant: Vec<u8>,
}

/// The last answers to the questions asked most recently.
#[derive(Debug)]
pub(super) struct Answers {
    max: usize,
    max_bytes: usize,
    fresh_for: Duration,
    bytes: usize,
    by_question: HashMap<Question, Known>,
    /// Grows with each question.
    asked: u64,
}

#[derive(Debug)]
struct Known {
    body: Bytes,
    /// When a collector was last asked, whether it answered or not.
    checked: Instant,
    /// The order of questions.
    asked: u64,
}

impl Answers {
    pub(super) fn new(max: usize, max_bytes: usize, fresh_for: Duration) -> Self {
        Self {
            max,
            max_bytes,
            fresh_for,
            bytes: 0,
            by_question: HashMap::new(),
            asked: 0,
        }
    }

    /// The answer, if no collector needs to be asked.
    pub(super) fn fresh(&mut self, question: &Question, now: Instant) -> Option<Bytes> {
        self.asked += 1;
        let known = self.by_question.get_mut(question)?;
        known.asked = self.asked;
        let is_fresh = now.saturating_duration_since(known.checked) < self.fresh_for;
        is_fresh.then(|| known.body.clone())
    }

    /// The last answer, whatever its age; it counts as fresh again, so that a collector that does not
    /// answer is not asked by everybody.
    pub(super) fn outlived(&mut self, question: &Question, now: Instant) -> Option<Bytes> {
        let known = self.by_question.get_mut(question)?;
        known.checked = now;
        Some(known.body.clone())
    }

    /// Keeps an answer, unless there is no room for it at all. Those to the questions asked the longest ago make room for it.
    pub(super) fn remember(&mut self, question: Question, body: Bytes, now: Instant) {
        self.forget(&question);
        if size(&question, &body) > self.max_bytes {
            return;
        }
        self.bytes += size(&question, &body);
        let known = Known {
            body,
            checked: now,
            asked: self.asked,
        };
        self.by_question.insert(question, known);
        while self.by_question.len() > self.max || self.bytes > self.max_bytes {
            let oldest = self.by_question.iter().min_by_key(|(_, known)| known.asked);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else {
                break;
            };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, question: &Question) {
        if let Some(known) = self.by_question.remove(question) {
            self.bytes -= size(question, &known.body);
        }
    }
}

fn size(question: &Question, body: &Bytes) -> usize {
    question.path_and_query.len() + question.tenant.len() + body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH_FOR: Duration = Duration::from_secs(10);

    fn question(service: &str) -> Question {
        Question {
            path_and_query: format!("/sampling?service={service}"),
            tenant: Vec::new(),
        }
    }

    fn body(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    #[test]
    fn an_answer_is_fresh_for_a_while_and_known_for_ever() {
        let (mut answers, now) = (Answers::new(10, 1000, FRESH_FOR), Instant::now());
        assert_eq!(answers.fresh(&question("a"), now), None);
        answers.remember(question("a"), body(3), now);
        assert_eq!(answers.fresh(&question("a"), now), Some(body(3)));
        let later = now + FRESH_FOR;
        assert_eq!(answers.fresh(&question("a"), later), None);
        assert_eq!(answers.outlived(&question("a"), later), Some(body(3)));
        assert_eq!(answers.fresh(&question("a"), later), Some(body(3)));
        assert_eq!(answers.outlived(&question("b"), later), None);
    }

    #[test]
    fn the_question_asked_the_longest_ago_is_forgotten() {
        let (mut answers, now) = (Answers::new(2, 1000, FRESH_FOR), Instant::now());
        for service in ["a", "b", "a", "c"] {
            if answers.fresh(&question(service), now).is_none() {
                answers.remember(question(service), body(3), now);
            }
        }
        let known = ["a", "b", "c"].map(|of| answers.outlived(&question(of), now).is_some());
        assert_eq!(known, [true, false, true]);
    }

    #[test]
    fn all_answers_together_stay_within_their_bytes() {
        let (mut answers, now) = (Answers::new(100, 1000, FRESH_FOR), Instant::now());
        for n in 0..50 {
            let question = question(&n.to_string());
            answers.fresh(&question, now);
            answers.remember(question, body(300), now);
        }
        assert!(answers.bytes <= 1000 && answers.by_question.len() == 3);
        answers.remember(question("large"), body(2000), now);
        assert_eq!(answers.by_question.len(), 3);
    }
}
