//! Whether a letter may be driven again.

use model::{RedriveOutcome, RedriveState};

use super::OpenLetter;

/// Why a letter is not to be driven again; `None` if it is. `origins` are the topics that letters
/// may be given back to, if they come from topics.
pub fn verdict(
    open: &OpenLetter,
    max_attempts: u32,
    origins: Option<&[String]>,
) -> Option<RedriveOutcome> {
    let letter = &open.letter;
    let at_home = |origins: &[String]| {
        let origin = letter.origin.as_ref();
        origin.is_some_and(|origin| origins.contains(&origin.topic))
    };
    if open.identity.is_none() {
        return Some(RedriveOutcome::Unreadable);
    }
    if letter.redrive == RedriveState::Redriven {
        return Some(RedriveOutcome::AlreadyRedriven);
    }
    if letter.attempt >= max_attempts {
        return Some(RedriveOutcome::AttemptsExhausted);
    }
    if letter.bytes == 0 {
        return Some(RedriveOutcome::Empty);
    }
    if origins.is_some_and(|origins| !at_home(origins)) {
        return Some(RedriveOutcome::ForeignOrigin);
    }
    None
}

#[cfg(test)]
mod tests {
    use kafka::{Headers, Record};
    use model::{Letter, LetterId, LetterOrigin};

    use super::*;

    fn open(change: impl FnOnce(&mut OpenLetter)) -> OpenLetter {
        let letter = Letter {
            id: LetterId {
                partition: 0,
                offset: 1,
            },
            reason: None,
            error: String::new(),
            origin: Some(LetterOrigin {
                topic: "spoor.spans".to_owned(),
                partition: 0,
                offset: 0,
                timestamp_ms: 0,
            }),
            schema_id: None,
            attempt: 1,
            at: 0,
            by: String::new(),
            tenant: None,
            trace_id: None,
            services: Vec::new(),
            spans: 0,
            bytes: 3,
            redrive: RedriveState::Untouched,
        };
        let record = Record {
            offset: 1,
            timestamp_ms: 0,
            key: None,
            payload: None,
            headers: Headers::default(),
        };
        let mut open = OpenLetter {
            letter,
            identity: Some("spoor.spans/0/0/0/1".to_owned()),
            record,
        };
        change(&mut open);
        open
    }

    fn of(change: impl FnOnce(&mut OpenLetter)) -> Option<RedriveOutcome> {
        verdict(&open(change), 3, Some(&["spoor.spans".to_owned()]))
    }

    #[test]
    fn a_letter_is_driven_again_until_it_has_died_as_often_as_it_may() {
        assert_eq!(of(|_| ()), None);
        assert_eq!(of(|open| open.letter.attempt = 2), None);
        for attempt in [3, 4, u32::MAX] {
            let exhausted = of(|open| open.letter.attempt = attempt);
            assert_eq!(exhausted, Some(RedriveOutcome::AttemptsExhausted));
        }
    }

    #[test]
    fn what_cannot_be_given_back_is_told_apart() {
        let redriven = of(|open| open.letter.redrive = RedriveState::Redriven);
        assert_eq!(redriven, Some(RedriveOutcome::AlreadyRedriven));
        let unreadable = of(|open| open.identity = None);
        assert_eq!(unreadable, Some(RedriveOutcome::Unreadable));
        let empty = of(|open| open.letter.bytes = 0);
        assert_eq!(empty, Some(RedriveOutcome::Empty));
        // The second is of another collector, perhaps in another cluster.
        for topic in ["spoor.control", "jaeger-spans"] {
            let foreign = of(|open| {
                let origin = open.letter.origin.as_mut();
                origin.unwrap().topic = topic.to_owned();
            });
            assert_eq!(foreign, Some(RedriveOutcome::ForeignOrigin));
        }
    }

    #[test]
    fn without_topics_no_origin_is_asked_for() {
        let rowless = open(|open| open.letter.origin = None);
        assert_eq!(verdict(&rowless, 3, None), None);
    }
}
