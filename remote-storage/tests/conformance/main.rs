//! What every store must do, as sentences: each is shown on Postgres, and on a storage plug-in, which
//! is Spoor itself. A store that is added is added here, see `CONTRIBUTING.md`.

mod catalogue;
mod reading;
mod refusing;
mod samples;
mod searching;
mod under;
mod world;

/// Makes a test of each sentence on each store.
macro_rules! conformance {
    ($($group:ident: $($sentence:ident)*;)*) => {
        mod postgres {
            $($(#[test]
            fn $sentence() {
                crate::world::postgres(async |under| crate::$group::$sentence(&under).await);
            })*)*
        }
        mod remote {
            $($(#[test]
            fn $sentence() {
                crate::world::remote(async |under| crate::$group::$sentence(&under).await);
            })*)*
        }
    };
}

conformance! {
    reading:
        a_trace_is_read_back_with_every_field_of_every_span
        an_id_that_nothing_was_written_under_gives_nothing
        a_hint_that_is_wrong_hides_nothing
        each_id_gives_its_own_trace
        what_is_written_in_parts_is_read_as_one_trace
        a_span_that_is_written_twice_is_read_once
        spans_that_share_an_id_are_all_there
        a_trace_of_many_spans_is_read_whole
        what_is_idle_may_be_written;
    searching:
        a_search_by_service_finds_that_service_alone
        a_search_by_operation_finds_that_operation_alone
        a_search_by_attribute_compares_values_of_any_type_as_texts
        a_search_by_attribute_looks_at_every_level
        a_search_tells_errors_kinds_and_scopes
        all_conditions_hold_for_one_single_span
        a_search_finds_spans_that_start_in_its_range_both_ends_included
        a_search_finds_durations_to_the_nanosecond_both_ends_included
        a_search_without_a_match_is_empty
        the_newest_traces_come_first_and_no_more_than_asked_for
        found_traces_are_whole
        a_search_need_not_name_a_service;
    catalogue:
        services_are_listed_once_and_sorted
        operations_are_listed_with_their_kinds
        calls_between_services_are_counted
        a_tenant_sees_nothing_of_another;
    refusing:
        what_a_store_does_not_declare_it_refuses
        a_condition_that_no_span_can_meet_finds_nothing;
}
