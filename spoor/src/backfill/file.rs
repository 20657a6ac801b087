//! Files of spans, by their names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use collector::Encoding;
use prost::Message;

use super::jaeger_json;

/// One export request's worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) encoding: Encoding,
    pub(super) body: Vec<u8>,
}

/// What a file's name says about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    OtlpProtobuf,
    OtlpJson,
    JaegerJson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// The documents of a file, in order.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Document>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some((form, compression)) = form(&name) else {
        bail!(
            "the name ends in none of .otlp.pb, .otlp.json, .jaeger.json, with or without .gz or .zst"
        );
    };
    let file = File::open(path).context("cannot be opened")?;
    let mut bytes = Vec::new();
    let read = match compression {
        Compression::None => { file }.read_to_end(&mut bytes),
        Compression::Gzip => flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes),
        Compression::Zstd => {
            zstd::Decoder::new(file).and_then(|mut file| file.read_to_end(&mut bytes))
        }
    };
    read.context("cannot be read")?;
    documents(form, bytes)
}

fn form(name: &str) -> Option<(Form, Compression)> {
    let (name, compression) = match name.rsplit_once('.') {
        Some((stem, "gz")) => (stem, Compression::Gzip),
        Some((stem, "zst")) => (stem, Compression::Zstd),
        _ => (name, Compression::None),
    };
    let forms = [
        (".otlp.pb", Form::OtlpProtobuf),
        (".otlp.json", Form::OtlpJson),
        (".jaeger.json", Form::JaegerJson),
    ];
    let found = forms.into_iter().find(|(end, _)| name.ends_with(end));
    found.map(|(_, form)| (form, compression))
}

fn documents(form: Form, bytes: Vec<u8>) -> anyhow::Result<Vec<Document>> {
    let one = |encoding, body| vec![Document { encoding, body }];
    Ok(match form {
        Form::OtlpProtobuf => one(Encoding::Protobuf, bytes),
        Form::OtlpJson => match has_one_on_each_line(&bytes) {
            false => one(Encoding::Json, bytes),
            true => bytes
                .split(|byte| *byte == b'\n')
                .map(<[u8]>::trim_ascii)
                .filter(|line| !line.is_empty())
                .flat_map(|line| one(Encoding::Json, line.to_vec()))
                .collect(),
        },
        Form::JaegerJson => {
            let request = jaeger_json::request(&bytes)?;
            one(Encoding::Protobuf, request.encode_to_vec())
        }
    })
}

/// Whether the first line that is not empty is a document by itself.
fn has_one_on_each_line(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines
        .find(|line| !line.is_empty())
        .is_some_and(|line| serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says() {
        for (name, expected) in [
            ("a.otlp.pb", Some((Form::OtlpProtobuf, Compression::None))),
            (
                "a.b.otlp.json.gz",
                Some((Form::OtlpJson, Compression::Gzip)),
            ),
            (
                "a.jaeger.json.zst",
                Some((Form::JaegerJson, Compression::Zstd)),
            ),
            ("a.json", None),
            ("a.otlp.pb.bz2", None),
        ] {
            assert_eq!(form(name), expected, "{name}");
        }
    }

    #[test]
    fn json_comes_whole_or_line_by_line() {
        let count = |text: &str| documents(Form::OtlpJson, text.into()).unwrap().len();
        assert_eq!(count("{\n  \"resourceSpans\": []\n}\n"), 1);
        assert_eq!(
            count("{\"resourceSpans\": []}\n\n{\"resourceSpans\": []}\n"),
            2
        );
        assert_eq!(count("{\"resourceSpans\": []}"), 1);
        assert_eq!(count("no json"), 1, "the decoder says what is wrong");
    }
}
