//! Integers, floats and booleans as package `strconv` reads them.

use super::quote;

/// Why a text is not what was asked for; the words are Go's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("strconv.{function}: parsing {}: {}", quote(.text), if *.out_of_range { "value out of range" } else { "invalid syntax" })]
pub struct NumberError {
    function: &'static str,
    text: String,
    out_of_range: bool,
}

impl NumberError {
    /// A text that does not have the form.
    pub fn syntax(function: &'static str, text: &str) -> Self {
        Self {
            function,
            text: text.to_owned(),
            out_of_range: false,
        }
    }

    fn range(function: &'static str, text: &str) -> Self {
        Self {
            out_of_range: true,
            ..Self::syntax(function, text)
        }
    }
}

/// `strconv.ParseInt(text, 10, bits)`.
pub fn parse_int(text: &str, bits: u32) -> Result<i64, NumberError> {
    const NAME: &str = "ParseInt";
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::syntax(NAME, text));
    }
    let out_of_range = || NumberError::range(NAME, text);
    let number: i64 = text.parse().map_err(|_| out_of_range())?;
    let fits = bits == 64 || (-(1 << (bits - 1))..1 << (bits - 1)).contains(&number);
    if fits {
        Ok(number)
    } else {
        Err(out_of_range())
    }
}

/// `strconv.ParseFloat(text, 64)`, decimal forms only.
pub fn parse_float(text: &str) -> Result<f64, NumberError> {
    text.parse()
        .map_err(|_| NumberError::syntax("ParseFloat", text))
}

/// `strconv.ParseBool(text)`.
pub fn parse_bool(text: &str) -> Result<bool, NumberError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(NumberError::syntax("ParseBool", text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_bounded_by_their_bits() {
        assert_eq!(parse_int("-12", 32), Ok(-12));
        assert_eq!(parse_int("+7", 64), Ok(7));
        assert_eq!(parse_int("9223372036854775807", 64), Ok(i64::MAX));
        let message = parse_int("2147483648", 32)
            .expect_err("33 bits")
            .to_string();
        assert_eq!(
            message,
            r#"strconv.ParseInt: parsing "2147483648": value out of range"#
        );
        let message = parse_int("9223372036854775808", 64)
            .expect_err("65 bits")
            .to_string();
        assert_eq!(
            message,
            r#"strconv.ParseInt: parsing "9223372036854775808": value out of range"#
        );
    }

    #[test]
    fn what_is_no_number_is_quoted_as_go_quotes() {
        let message = parse_int("a\"\u{1}\n", 64)
            .expect_err("no number")
            .to_string();
        assert_eq!(
            message,
            r#"strconv.ParseInt: parsing "a\"\x01\n": invalid syntax"#
        );
        assert_eq!(
            parse_bool("yes").expect_err("no boolean").to_string(),
            r#"strconv.ParseBool: parsing "yes": invalid syntax"#
        );
    }
}
