//! Whose turn it is: the addresses of collectors in a ring, those that failed left out for a while.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

/// The collectors there are. `C` is how one is reached.
#[derive(Debug)]
pub(super) struct Members<C> {
    ring: Vec<Member<C>>,
    next: usize,
    backoff: Duration,
    max_backoff: Duration,
}

#[derive(Debug)]
struct Member<C> {
    address: SocketAddr,
    connection: C,
    /// Failures since the last success.
    failures: u32,
    /// Left out until then.
    out_until: Option<Instant>,
}

/// Whom to ask.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::agent) enum Turn<C> {
    /// This one.
    Now(SocketAddr, C),
    /// Nobody before then.
    Later(Instant),
    /// Nobody is known.
    Nobody,
}

impl<C: Clone> Members<C> {
    pub(super) fn new(backoff: Duration, max_backoff: Duration) -> Self {
        Self {
            ring: Vec::new(),
            next: 0,
            backoff,
            max_backoff,
        }
    }

    /// Forgets all others than these.
    pub(super) fn keep(&mut self, addresses: &BTreeSet<SocketAddr>) {
        self.ring
            .retain(|member| addresses.contains(&member.address));
    }

    /// Takes addresses in. Those that were there before keep their connection and their failures.
    pub(super) fn add(
        &mut self,
        addresses: &BTreeSet<SocketAddr>,
        connect: impl Fn(SocketAddr) -> C,
    ) {
        for address in addresses {
            if !self.ring.iter().any(|member| member.address == *address) {
                self.ring.push(Member {
                    address: *address,
                    connection: connect(*address),
                    failures: 0,
                    out_until: None,
                });
            }
        }
    }

    /// The next one in turn that is not left out at `now`.
    pub(super) fn turn(&mut self, now: Instant) -> Turn<C> {
        let count = self.ring.len();
        for step in 0..count {
            let index = (self.next + step) % count;
            let member = &self.ring[index];
            if member.out_until.is_none_or(|until| until <= now) {
                self.next = index + 1;
                return Turn::Now(member.address, member.connection.clone());
            }
        }
        let soonest = self.ring.iter().filter_map(|member| member.out_until).min();
        soonest.map_or(Turn::Nobody, Turn::Later)
    }

    pub(super) fn succeeded(&mut self, address: SocketAddr) {
        if let Some(member) = self.member(address) {
            member.failures = 0;
            member.out_until = None;
        }
    }

    /// Leaves one out: for as long as it asked for itself, or else longer with each failure. `spread`
    /// between 0 and 1 makes it up to half as long again, so that not all come back at once.
    pub(super) fn failed(
        &mut self,
        address: SocketAddr,
        now: Instant,
        asked: Option<Duration>,
        spread: f64,
    ) {
        let (backoff, max_backoff) = (self.backoff, self.max_backoff);
        let Some(member) = self.member(address) else {
            return;
        };
        let doubled = backoff.saturating_mul(1 << member.failures.min(16));
        let time = asked.unwrap_or(doubled).min(max_backoff);
        member.failures += 1;
        member.out_until = Some(now + time + time.mul_f64(spread / 2.0));
    }

    /// How many there are, and how many of them are left out at `now`.
    pub(super) fn count(&self, now: Instant) -> (usize, usize) {
        let out = self
            .ring
            .iter()
            .filter(|member| member.out_until.is_some_and(|until| until > now));
        (self.ring.len(), out.count())
    }

    fn member(&mut self, address: SocketAddr) -> Option<&mut Member<C>> {
        self.ring
            .iter_mut()
            .find(|member| member.address == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(n: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, n], 4317))
    }

    fn of(numbers: &[u8]) -> Members<u8> {
        let mut members = Members::new(SECOND, 10 * SECOND);
        replace(&mut members, numbers);
        members
    }

    fn replace(members: &mut Members<u8>, numbers: &[u8]) {
        let addresses = numbers.iter().map(|n| address(*n)).collect();
        members.keep(&addresses);
        members.add(&addresses, |address| match address {
            SocketAddr::V4(address) => address.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        });
    }

    fn turns(members: &mut Members<u8>, now: Instant, count: usize) -> Vec<u8> {
        let turn = |_| match members.turn(now) {
            Turn::Now(_, n) => n,
            Turn::Later(_) | Turn::Nobody => 0,
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn everyone_has_a_turn() {
        let mut members = of(&[1, 2, 3]);
        assert_eq!(turns(&mut members, Instant::now(), 6), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn who_failed_is_left_out_until_its_time_is_over() {
        let (mut members, now) = (of(&[1, 2]), Instant::now());
        members.failed(address(1), now, None, 0.0);
        assert_eq!(turns(&mut members, now, 3), [2, 2, 2]);
        assert_eq!(turns(&mut members, now + SECOND, 2), [1, 2]);
    }

    #[test]
    fn each_failure_doubles_the_time_up_to_the_most() {
        let (mut members, now) = (of(&[1]), Instant::now());
        for seconds in [1, 2, 4, 8, 10, 10] {
            members.failed(address(1), now, None, 0.0);
            assert_eq!(members.turn(now), Turn::Later(now + seconds * SECOND));
        }
        members.succeeded(address(1));
        members.failed(address(1), now, None, 0.0);
        assert_eq!(members.turn(now), Turn::Later(now + SECOND));
    }

    #[test]
    fn what_a_collector_asks_for_counts() {
        let (mut members, now) = (of(&[1]), Instant::now());
        members.failed(address(1), now, Some(3 * SECOND), 1.0);
        assert_eq!(members.turn(now), Turn::Later(now + 3 * SECOND * 3 / 2));
    }

    #[test]
    fn new_addresses_join_and_those_that_are_gone_leave() {
        let (mut members, now) = (of(&[1, 2]), Instant::now());
        members.failed(address(2), now, None, 0.0);
        replace(&mut members, &[2, 3]);
        assert_eq!(turns(&mut members, now, 2), [3, 3]);
        assert_eq!(members.count(now), (2, 1));
        replace(&mut members, &[]);
        assert_eq!(members.turn(now), Turn::Nobody);
    }
}
