//! `prettyPrint`: compact JSON indented as Go's `json.MarshalIndent` does, chunk by chunk.

/// Spaces per level.
const WIDTH: usize = 4;

/// Where in the document the next byte lies.
#[derive(Debug, Default)]
pub(super) struct Indent {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// A list or object was opened and nothing came after it yet.
    opened: bool,
}

impl Indent {
    /// The next bytes of a compact document, indented.
    pub(super) fn apply(&mut self, compact: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(compact.len() * 2);
        for byte in compact {
            if self.in_string {
                self.inside_string(*byte);
                out.push(*byte);
            } else {
                self.outside_string(*byte, &mut out);
            }
        }
        out
    }

    fn inside_string(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
        }
    }

    fn outside_string(&mut self, byte: u8, out: &mut Vec<u8>) {
        let closes = matches!(byte, b'}' | b']');
        if self.opened && !closes {
            self.new_line(out);
        }
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if !self.opened {
                    self.new_line(out);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                self.new_line(out);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
        self.opened = matches!(byte, b'{' | b'[');
        self.in_string = byte == b'"';
    }

    fn new_line(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
        out.resize(out.len() + self.depth * WIDTH, b' ');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn indented(chunks: &[&[u8]]) -> String {
        let mut indent = Indent::default();
        let out: Vec<u8> = chunks
            .iter()
            .flat_map(|chunk| indent.apply(chunk))
            .collect();
        String::from_utf8(out).expect("text in, text out")
    }

    #[test]
    fn documents_are_indented_as_go_indents_them() {
        let compact = br#"{"a":[],"b":{},"c":[1,{"d":"x,{[:]}\"\\"}],"e":null}"#;
        let expected = "{\n    \"a\": [],\n    \"b\": {},\n    \"c\": [\n        1,\n        {\n            \
            \"d\": \"x,{[:]}\\\"\\\\\"\n        }\n    ],\n    \"e\": null\n}";
        assert_eq!(indented(&[compact]), expected);
    }

    proptest! {
        #[test]
        fn where_chunks_end_changes_nothing(cut in 0usize..53) {
            let compact = br#"{"a":[],"b":{},"c":[1,{"d":"x,{[:]}\"\\"}],"e":null}"#;
            let (head, tail) = compact.split_at(cut.min(compact.len()));
            prop_assert_eq!(indented(&[head, tail]), indented(&[compact]));
        }
    }
}
