//! Both forms of a filter say the same, and what is none is told where.

use model::filter::{Constant, Field, Relation, Subject};
use proptest::prelude::*;
use schemas::jaeger_query::expression::{Expression, Scalar, Term as WireTerm};

use super::*;

fn complaint(written: &str) -> String {
    parse(written).expect_err("it is no filter").to_string()
}

#[test]
fn a_structured_filter_and_its_text_mean_the_same() {
    for (text, json) in [
        (
            r#"resource.service.name = checkout and span.http.status_code >= int(500)"#,
            r#"{"op":"and","args":[
                {"call":{"op":"eq","args":[{"attr":{"key":"service.name","level":"resource"}},{"scalar":{"value":"checkout"}}]}},
                {"call":{"op":"gte","args":[{"attr":{"key":"http.status_code","level":"span"}},{"scalar":{"value":"500","type":"int"}}]}}]}"#,
        ),
        (
            "duration > 2s",
            r#"{"op":"gt","args":[{"field":{"name":"duration","level":"span"}},{"scalar":{"value":"2s"}}]}"#,
        ),
        (
            "http.status_code in (500, 503)",
            r#"{"op":"in","args":[{"attr":{"key":"http.status_code"}},{"list":{"values":["500","503"]}}]}"#,
        ),
        (
            "event[event:name = exception && event:timeSinceStart > 50us]",
            r#"{"op":"some","args":[{"nested":{"level":"event"}},{"call":{"op":"and","args":[
                {"call":{"op":"eq","args":[{"field":{"name":"name","level":"event"}},{"scalar":{"value":"exception"}}]}},
                {"call":{"op":"gt","args":[{"field":{"name":"timeSinceStart","level":"event"}},{"scalar":{"value":"50us"}}]}}]}}]}"#,
        ),
        (
            "span.enduser.id != resource.enduser.id",
            r#"{"op":"ne","args":[{"attr":{"key":"enduser.id","level":"span"}},{"attr":{"key":"enduser.id","level":"resource"}}]}"#,
        ),
    ] {
        let from_text = parse(text);
        assert!(from_text.is_ok(), "{text}: {from_text:?}");
        assert_eq!(from_text, parse(json), "{text}");
    }
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    for (written, bracketed) in [
        ("a=1 or b=2 and c=3", "a=1 or (b=2 and c=3)"),
        ("not a=1 and b=2", "(not a=1) and b=2"),
        (
            "!a=1 || b=2 && !c=3",
            "(not (a=1)) or (b=2 and (not (c=3)))",
        ),
        ("a=1 AND b=2", "a=1 and b=2"),
    ] {
        assert_eq!(
            parse(written).expect("a filter"),
            parse(bracketed).expect("a filter")
        );
    }
}

#[test]
fn a_constant_on_the_left_is_put_on_the_right() {
    let duration = Subject::Field(Field::Duration);
    let expected = Filter::is(duration, Relation::AtLeast, Constant::Nanos(2_000_000_000));
    assert_eq!(parse("2s <= duration"), Ok(expected));
}

#[test]
fn words_to_the_right_are_constants_unless_they_name_a_level() {
    for (word, quoted) in [
        ("service = shop.checkout", "service = \"shop.checkout\""),
        ("cart.size > .5", "cart.size > '.5'"),
        ("status = ERROR", "span:status = `error`"),
        ("name = duration", "name = \"duration\""),
    ] {
        assert_eq!(parse(word), parse(quoted), "{word}");
    }
    let against = parse("span.a = .b").expect("a filter");
    assert_eq!(against, parse("span.\"a\" = .\"b\"").expect("a filter"));
    assert_ne!(against, parse("span.a = \".b\"").expect("a filter"));
}

#[test]
fn what_is_no_filter_is_told_with_its_place() {
    let all = [
        "",
        "a",
        "a =",
        "a = 1 b",
        "a = 1 and",
        "(a = 1",
        "a = \"open",
        "a = #",
        "duration > fast",
        "duration > 5",
        "duration > -5s",
        "duration =~ 5",
        "start > yesterday",
        "kind = bot",
        "status < error",
        "event:colour = red",
        "1 = 1",
        "a in ()",
        "a =~ \"(\"",
        "a = int(x)",
        "a > bool(true)",
        "name = int(5)",
        "start < duration",
        "event[event[event:name = x]]",
        "exists(\"a\")",
        "a like (b)",
        "{",
        "[]{",
        "{}",
        "{\"op\":5}",
        "{\"op\":\"eq\",\"args\":[{\"attr\":{\"key\":\"a\"}}]}",
        "{\"op\":\"eq\",\"args\":[{\"attr\":{\"key\":\"\"}},{\"scalar\":{}}]}",
        "{\"op\":\"eq\",\"args\":[{\"attr\":{\"key\":\"a\",\"level\":\"trace\"}},{\"scalar\":{}}]}",
        "{\"op\":\"and\",\"args\":[]}",
        "{\"op\":\"and\",\"args\":[{\"call\":{\"op\":\"near\"}}]}",
        "{\"op\":\"not\",\"args\":[{\"scalar\":{\"value\":\"x\"}}]}",
        "{\"op\":\"not\",\"argz\":[]}",
        "{\"op\":\"not\",\"args\":[{\"attr\":{},\"field\":{}}]}",
        "{\"op\":\"some\",\"args\":[{\"nested\":{\"level\":\"span\"}},{\"call\":{}}]}",
    ];
    let told = all.map(|written| format!("{written}\n    {}\n", complaint(written)));
    insta::assert_snapshot!(told.concat());
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = |levels: usize| format!("{}a=1{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&deep(20)).is_ok());
    assert!(complaint(&deep(5_000)).contains("nested too deep"));
    assert!(complaint(&format!("{}a=1", "!".repeat(9_000))).contains("nested too deep"));
    let json = |levels: usize| {
        let open = "{\"call\":{\"op\":\"not\",\"args\":[".repeat(levels);
        format!("{{\"op\":\"not\",\"args\":[{open}")
    };
    assert!(parse(&json(100)).is_err() && parse(&json(500)).is_err());
    let many: Vec<String> = (0..600).map(|n| format!("a={n}")).collect();
    assert!(complaint(&many.join(" or ")).contains("too many parts"));
    let list: Vec<String> = (0..600).map(|n| n.to_string()).collect();
    assert!(complaint(&format!("a in ({})", list.join(","))).contains("too many parts"));
    assert!(complaint(&"a".repeat(20_000)).contains("too many, at most"));
}

#[test]
fn a_call_may_hold_a_text() {
    let scalar = Scalar {
        value: "duration > 2s".to_owned(),
        r#type: String::new(),
    };
    let call = Call {
        op: "text".to_owned(),
        args: vec![Expression {
            term: Some(WireTerm::Scalar(scalar)),
        }],
    };
    assert_eq!(from_call(&call), parse("duration > 2s"));
    let deep = (0..60).fold(call, |inner, _| Call {
        op: "not".to_owned(),
        args: vec![Expression {
            term: Some(WireTerm::Call(inner)),
        }],
    });
    assert!(from_call(&deep).is_err());
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_refused(text in "\\PC{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_words_and_signs_are_a_filter_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "a", "=", "!=", "(", ")", "[", "]", "and", "or", "not", "in", "like", "event", "exists",
            "span.", ".", ":", ",", "5", "'x'", "int", "duration", "2s", "=~", "!",
        ]), 0..12),
    ) {
        let _ = parse(&words.join(" "));
        let _ = parse(&words.concat());
    }

    #[test]
    fn both_forms_read_back_as_they_were_written(node in samples::filter()) {
        let text = samples::as_text(&node);
        let read = text::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&node), "{}", text);
        let json = samples::as_json(&node).to_string();
        let read = structured::from_json(&json);
        prop_assert_eq!(read.as_ref(), Ok(&node), "{}", json);
        prop_assert_eq!(parse(&text), parse(&json));
    }
}

/// Texts by which a fuzzer (`make fuzz`) reached code that no other text had reached.
#[test]
fn what_a_fuzzer_has_found_is_a_filter_or_a_complaint() {
    let seeds = include_str!("../../../../fuzz/seeds/filter.hex");
    assert!(seeds.lines().count() >= 20, "there are seeds");
    for line in seeds.lines() {
        let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).expect("hex");
        let text: Vec<u8> = (0..line.len()).step_by(2).map(byte).collect();
        if let Ok(text) = std::str::from_utf8(&text) {
            assert!(parse(text).map_or_else(|error| !error.to_string().is_empty(), |_| true));
        }
    }
}
