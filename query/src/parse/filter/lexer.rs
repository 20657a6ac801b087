//! The words and signs of a filter's text.

use super::{FilterError, Place};

/// A word or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a number, a duration, a keyword: letters, digits and `_ . - / + % @ $ * ?`.
    Word(String),
    /// A text in quotes.
    Text(String),
    /// A relation, by the operator that it stands for.
    Relation(&'static str),
    And,
    Or,
    Not,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Colon,
    End,
}

impl Token {
    /// How an error names it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Word(word) => format!("{word:?}"),
            Self::Text(text) => format!("the text {text:?}"),
            Self::Relation(_) => "a relation".to_owned(),
            Self::And => "\"and\"".to_owned(),
            Self::Or => "\"or\"".to_owned(),
            Self::Not => "\"not\"".to_owned(),
            Self::Open => "\"(\"".to_owned(),
            Self::Close => "\")\"".to_owned(),
            Self::OpenBracket => "\"[\"".to_owned(),
            Self::CloseBracket => "\"]\"".to_owned(),
            Self::Comma => "\",\"".to_owned(),
            Self::Colon => "\":\"".to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Signs, longer ones before those that they begin with.
const SIGNS: &[(&str, Token)] = &[
    ("&&", Token::And),
    ("||", Token::Or),
    ("==", Token::Relation("eq")),
    ("=~", Token::Relation("regex")),
    ("!=", Token::Relation("ne")),
    ("!~", Token::Relation("not_regex")),
    ("<=", Token::Relation("lte")),
    (">=", Token::Relation("gte")),
    ("=", Token::Relation("eq")),
    ("<", Token::Relation("lt")),
    (">", Token::Relation("gt")),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
    ("[", Token::OpenBracket),
    ("]", Token::CloseBracket),
    (",", Token::Comma),
    (":", Token::Colon),
];

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || "_.-/+%@$*?".contains(c)
}

/// A token, the character that it begins at, and whether it follows the one before at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
    pub(super) adjoins: bool,
}

/// The tokens of a text, the last one being its end.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let mut tokens = Vec::new();
    let (mut rest, mut at, mut end) = (text, 1, 0);
    loop {
        let trimmed = rest.trim_start();
        at += rest[..rest.len() - trimmed.len()].chars().count();
        rest = trimmed;
        let (token, len) = match next(rest) {
            Ok(found) => found,
            Err(what) => return Err(FilterError::new(Place::Character(at), what)),
        };
        let done = token == Token::End;
        tokens.push(Placed {
            token,
            at,
            adjoins: at == end,
        });
        if done {
            return Ok(tokens);
        }
        at += rest[..len].chars().count();
        end = at;
        rest = &rest[len..];
    }
}

/// The first token of a text without space before it, and its length in bytes.
fn next(text: &str) -> Result<(Token, usize), String> {
    let Some(first) = text.chars().next() else {
        return Ok((Token::End, 0));
    };
    if let quote @ ('"' | '\'' | '`') = first {
        return quoted(text, quote);
    }
    let sign = SIGNS.iter().find(|(sign, _)| text.starts_with(sign));
    if let Some((sign, token)) = sign {
        return Ok((token.clone(), sign.len()));
    }
    let len = text.find(|c| !is_of_word(c)).unwrap_or(text.len());
    if len == 0 {
        return Err(format!("{first:?} has no meaning here"));
    }
    let word = &text[..len];
    let token = match word.to_ascii_lowercase().as_str() {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        _ => Token::Word(word.to_owned()),
    };
    Ok((token, len))
}

/// A text in quotes. Backslashes take the meaning from a quote or a backslash, and stand for the
/// usual characters; between backticks they are plain.
fn quoted(text: &str, quote: char) -> Result<(Token, usize), String> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Token::Text(content), at + c.len_utf8())),
            '\\' if quote != '`' => match chars.next() {
                Some((_, 'n')) => content.push('\n'),
                Some((_, 't')) => content.push('\t'),
                Some((_, 'r')) => content.push('\r'),
                Some((_, c)) if c == quote || c == '\\' => content.push(c),
                // Of no meaning here, so that patterns need no second backslash.
                Some((_, c)) => content.extend(['\\', c]),
                None => break,
            },
            c => content.push(c),
        }
    }
    Err("the quote is not closed".to_owned())
}
