//! In which order starts can be worked out: parents before their children.

/// No parent in the segment.
pub(super) const NO_PARENT: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnTheWay,
    Rooted,
    Circling,
}

/// The same as [`Ordering::parents_first`], for one segment.
pub(super) fn parents_first(parents: &[u32]) -> Vec<u32> {
    let mut ordering = Ordering::default();
    ordering.parents_first(parents);
    ordering.order
}

/// Works out orders, keeping its memory.
#[derive(Debug, Default)]
pub(super) struct Ordering {
    states: Vec<State>,
    path: Vec<u32>,
    order: Vec<u32>,
}

impl Ordering {
    /// The places of spans with a parent in the segment that go back to a span without one, parents
    /// first. Spans that are their own ancestors, and what hangs on them, are left out.
    pub(super) fn parents_first(&mut self, parents: &[u32]) -> &[u32] {
        let Self {
            states,
            path,
            order,
        } = self;
        states.clear();
        states.resize(parents.len(), State::New);
        order.clear();
        for place in 0..parents.len() as u32 {
            let mut at = place;
            let end = loop {
                match states[at as usize] {
                    State::New => {}
                    State::OnTheWay => break State::Circling,
                    known => break known,
                }
                states[at as usize] = State::OnTheWay;
                path.push(at);
                match parents[at as usize] {
                    NO_PARENT => break State::Rooted,
                    parent => at = parent,
                }
            };
            while let Some(at) = path.pop() {
                states[at as usize] = end;
                if end == State::Rooted && parents[at as usize] != NO_PARENT {
                    order.push(at);
                }
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: u32 = NO_PARENT;

    #[test]
    fn parents_come_before_their_children() {
        assert_eq!(parents_first(&[2, NONE, 1, 0]), [2, 0, 3]);
    }

    #[test]
    fn circles_and_what_hangs_on_them_are_left_out() {
        assert_eq!(parents_first(&[0, 2, 1, 1, NONE, 4]), [5]);
    }

    fn goes_back_to_a_root(parents: &[u32], mut at: u32) -> bool {
        for _ in 0..=parents.len() {
            match parents[at as usize] {
                NONE => return true,
                parent => at = parent,
            }
        }
        false
    }

    proptest! {
        #[test]
        fn exactly_what_goes_back_to_a_root_is_in_order(
            parents in prop::collection::vec(prop_oneof![Just(NONE), 0u32..12], 12),
        ) {
            let order = parents_first(&parents);
            for (place, at) in order.iter().enumerate() {
                let parent = parents[*at as usize];
                let earlier = order[..place].contains(&parent);
                prop_assert!(earlier || parents[parent as usize] == NONE);
            }
            for at in 0..12u32 {
                let wanted = parents[at as usize] != NONE && goes_back_to_a_root(&parents, at);
                prop_assert_eq!(order.contains(&at), wanted);
            }
        }
    }
}
