//! Random filters as they are written, and writers of both forms.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{Node, Place, Term};

fn node(term: Term) -> Node {
    let place = Place::Whole;
    Node { place, term }
}

fn call(op: &str, args: Vec<Node>) -> Node {
    let op = op.to_owned();
    node(Term::Call { op, args })
}

fn attribute() -> impl Strategy<Value = Node> {
    let key = prop_oneof![
        Just("http.route".to_owned()),
        Just("and".to_owned()),
        "[^\0]{1,8}"
    ];
    let level = select(&["", "span", "resource", "scope", "event", "link", "any"][..]);
    (key, level).prop_map(|(key, level)| {
        let level = level.to_owned();
        node(Term::Attribute { key, level })
    })
}

fn leaf() -> impl Strategy<Value = Node> {
    let text = || "[^\0]{0,8}";
    let hint = select(&["", "string"][..]);
    let comparison = select(&["eq", "ne", "lt", "lte", "gt", "gte"][..]);
    let compared =
        (comparison, attribute(), text(), hint.clone()).prop_map(|(op, left, value, hint)| {
            let hint = hint.to_owned();
            call(op, vec![left, node(Term::Scalar { value, hint })])
        });
    let against =
        (attribute(), attribute()).prop_map(|(left, right)| call("eq", vec![left, right]));
    let listed = (
        select(&["in", "not_in"][..]),
        attribute(),
        vec(text(), 1..4),
        hint,
    )
        .prop_map(|(op, left, values, hint)| {
            let hint = hint.to_owned();
            call(op, vec![left, node(Term::List { values, hint })])
        });
    let liked =
        (select(&["like", "not_like"][..]), attribute(), text()).prop_map(|(op, left, value)| {
            let hint = String::new();
            call(op, vec![left, node(Term::Scalar { value, hint })])
        });
    let exists = attribute().prop_map(|subject| call("exists", vec![subject]));
    let field = Just(()).prop_map(|()| {
        let (name, level) = ("duration".to_owned(), "span".to_owned());
        let (value, hint) = ("1h30m".to_owned(), String::new());
        let left = node(Term::Field { name, level });
        call("gt", vec![left, node(Term::Scalar { value, hint })])
    });
    prop_oneof![3 => compared, 1 => against, 1 => listed, 1 => liked, 1 => exists, 1 => field]
}

/// A filter that both forms can write and that means something.
pub(super) fn filter() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|args| call("and", args)),
            vec(inner.clone(), 2..4).prop_map(|args| call("or", args)),
            inner.prop_map(|inner| call("not", vec![inner])),
        ]
    })
}

/// A filter as text, every part of a combination in brackets.
pub(super) fn as_text(node: &Node) -> String {
    match &node.term {
        Term::Attribute { key, level } => format!("{level}.{}", quoted(key)),
        Term::Field { name, level } => format!("{level}:{name}"),
        Term::Nested { .. } => unreachable!("no such sample"),
        Term::Scalar { value, hint } => match hint.as_str() {
            "" => quoted(value),
            hint => format!("{hint}({})", quoted(value)),
        },
        Term::List { values, hint } => {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("{hint}({})", values.join(", "))
        }
        Term::Call { op, args } => {
            let texts: Vec<String> = args.iter().map(as_text).collect();
            let sign = match op.as_str() {
                "and" | "or" => {
                    let parts: Vec<String> = texts.iter().map(|text| format!("({text})")).collect();
                    return parts.join(&format!(" {op} "));
                }
                "not" => return format!("not ({})", texts[0]),
                "exists" => return format!("exists({})", texts[0]),
                "eq" => "=",
                "ne" => "!=",
                "lt" => "<",
                "lte" => "<=",
                "gt" => ">",
                "gte" => ">=",
                "not_in" => "not in",
                "not_like" => "not like",
                other => other,
            };
            format!("{} {sign} {}", texts[0], texts[1])
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A filter as the JSON of a call.
pub(super) fn as_json(node: &Node) -> Value {
    match expression(node) {
        Value::Object(mut object) => object.remove("call").expect("a call"),
        other => other,
    }
}

fn expression(node: &Node) -> Value {
    match &node.term {
        Term::Attribute { key, level } => json!({"attr": {"key": key, "level": level}}),
        Term::Field { name, level } => json!({"field": {"name": name, "level": level}}),
        Term::Nested { level } => json!({"nested": {"level": level}}),
        Term::Scalar { value, hint } => json!({"scalar": {"value": value, "type": hint}}),
        Term::List { values, hint } => json!({"list": {"values": values, "type": hint}}),
        Term::Call { op, args } => {
            let args: Vec<Value> = args.iter().map(expression).collect();
            json!({"call": {"op": op, "args": args}})
        }
    }
}
