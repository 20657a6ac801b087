//! A short selection of the faults that `make faults` runs in full.

use integration_tests::faults::catalogue;

fn survives(name: &str) {
    let fault = catalogue::all()
        .into_iter()
        .find(|fault| fault.name == name);
    let outcome = fault.expect("there is such a fault").run();
    assert_eq!(outcome.failure, None, "{:?}", outcome.notes);
}

#[test]
fn an_ingester_that_froze_in_mid_copy_changes_nothing_when_it_wakes_up() {
    survives("zombie-mid-copy");
}

#[test]
fn what_clients_send_again_after_a_lost_answer_is_stored_once() {
    survives("answers-lost");
}

#[test]
fn every_kind_of_poison_ends_in_the_dead_letters_and_nothing_else_does() {
    survives("poison");
}
