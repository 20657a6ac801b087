//! What is answered.

use std::fmt::Write;
use std::sync::Arc;

use http::StatusCode;
use model::{LetterContent, LetterGroup};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Question;
use crate::adjust::{Adjusted, Warnings};
use crate::admin::{AdminError, DeadLetterAdmin};
use crate::parse::Malformed;
use crate::render::{self, Output};

/// Most bytes of a letter that are shown in hex.
const MAX_HEX: usize = 64 << 10;

/// Why a request of the admin API has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminFailure {
    /// The request.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// There is no such letter.
    #[error("there is no such dead letter")]
    NotFound,
    /// The body is too large, or broke off.
    #[error("the body cannot be read, or is larger than {0} bytes")]
    Body(usize),
    /// Too many requests are waiting already.
    #[error("too many requests at the same time, try again later")]
    Overloaded,
    /// The time allowed for the request is over.
    #[error("not done yet: a redrive or purge goes on; look again later")]
    TimedOut,
    /// Those who do it.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What was done failed without a word.
    #[error("the request failed, see the log of the query service")]
    Failed,
}

impl AdminFailure {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::Admin(AdminError::Refused(_)) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Body(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Admin(AdminError::Busy(_)) => StatusCode::CONFLICT,
            Self::Admin(AdminError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Asks, and renders what is answered.
pub(crate) async fn ask(
    admin: &Arc<dyn DeadLetterAdmin>,
    question: Question,
) -> Result<Vec<u8>, AdminFailure> {
    Ok(match question {
        Question::Groups(filter) => render_groups(&admin.groups(filter).await?),
        Question::Page {
            filter,
            after,
            most,
        } => json!(admin.page(filter, after, most).await?)
            .to_string()
            .into_bytes(),
        Question::One(id) => {
            let content = admin.letter(id).await?.ok_or(AdminFailure::NotFound)?;
            render_letter(&content)
        }
        Question::Redrive(request) => json!(admin.redrive(request).await?)
            .to_string()
            .into_bytes(),
        Question::Purge(request) => json!(admin.purge(request).await?).to_string().into_bytes(),
    })
}

/// `{"records":…,"spans":…,"groups":[…]}`
pub fn render_groups(groups: &[LetterGroup]) -> Vec<u8> {
    let sum = |of: fn(&LetterGroup) -> u64| groups.iter().map(of).sum::<u64>();
    let answer = json!({
        "records": sum(|group| group.records),
        "spans": sum(|group| group.spans),
        "groups": groups,
    });
    answer.to_string().into_bytes()
}

/// A letter: its facts, its headers, its spans as OTLP, and in hex what could not be read.
pub fn render_letter(content: &LetterContent) -> Vec<u8> {
    let headers: Vec<Value> = content
        .headers
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": text_or_hex(value) }))
        .collect();
    let undecoded = content.undecoded.as_ref().map(|(at, error)| {
        let rest = content.payload.get(*at..).unwrap_or_default();
        json!({
            "at": at,
            "error": error,
            "bytes": rest.len(),
            "hex": hex(&rest[..rest.len().min(MAX_HEX)]),
        })
    });
    let facts = json!({
        "letter": content.letter,
        "key": content.key.as_deref().map(hex),
        "headers": headers,
        "undecoded": undecoded,
    });
    let mut answer = facts.to_string();
    answer.pop();
    answer.push_str(",\"decoded\":");
    match decoded(content) {
        Some(decoded) => answer.push_str(decoded.get()),
        None => answer.push_str("null"),
    }
    answer.push('}');
    answer.into_bytes()
}

fn decoded(content: &LetterContent) -> Option<Box<RawValue>> {
    let shown = Adjusted {
        trace: content.decoded.clone()?,
        warnings: Warnings::default(),
        raw: true,
        truncated: false,
    };
    let mut out = Output::in_memory();
    render::resource_spans(&mut out, &[shown]).ok()?;
    RawValue::from_string(String::from_utf8(out.into_bytes()).ok()?).ok()
}

/// A header's value as text, or in hex if it is none.
fn text_or_hex(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => format!("0x{}", hex(value)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
