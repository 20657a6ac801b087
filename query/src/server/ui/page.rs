//! What is put into the page of a Jaeger UI before it is sent: pure.

use serde_json::{Value, json};
use storage::Capabilities;

/// The operator's configuration of the UI.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Custom {
    /// None: the UI's own defaults.
    None,
    /// Values, for `JAEGER_CONFIG`.
    Json(Value),
    /// Source text that defines `function UIConfig()`, in place of the line `// JAEGER_CONFIG_JS`.
    Script(String),
}

/// The page with everything put in that it has a place for.
pub(super) fn inject(page: &str, custom: &Custom, base: &str, able: &Capabilities) -> String {
    let version = json!({
        "gitCommit": "",
        "gitVersion": concat!("v", env!("CARGO_PKG_VERSION")),
        "buildDate": "",
    });
    let backend = json!({
        "archiveStorage": able.archive,
        "metricsStorage": able.red,
        "searchWithoutServiceName": able.without_service,
        "aiAssistant": false,
    });
    // What UIs up to 2.18 have instead.
    let storage = json!({ "archiveStorage": able.archive, "metricsStorage": able.red });
    let mut page = page.to_owned();
    match custom {
        Custom::None => {}
        Custom::Json(values) => page = assign(&page, "CONFIG", values),
        Custom::Script(script) => page = replace_mark(&page, script),
    }
    page = assign(&page, "VERSION", &version);
    page = assign(&page, "BACKEND_CAPABILITIES", &backend);
    page = assign(&page, "STORAGE_CAPABILITIES", &storage);
    // UIs up to 2.17 do not find their own base path.
    page.replace(r#"<base href="/""#, &format!(r#"<base href="{base}/""#))
}

/// Gives a constant another value than its default: `JAEGER_X = DEFAULT_X;`, with any blanks.
fn assign(page: &str, name: &str, value: &Value) -> String {
    let (constant, default) = (format!("JAEGER_{name}"), format!("DEFAULT_{name};"));
    // A text in a script must not end the script.
    let value = value.to_string().replace('<', "\\u003c");
    let mut out = String::with_capacity(page.len() + value.len());
    let mut rest = page;
    while let Some(at) = rest.find(&constant) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let after = &found[constant.len()..];
        let assigned = after.trim_start_matches(' ').strip_prefix('=');
        let assigned = assigned.map(|text| text.trim_start_matches(' '));
        if let Some(behind) = assigned.and_then(|text| text.strip_prefix(default.as_str())) {
            out.push_str(&format!("{constant} = {value};"));
            rest = behind;
        } else {
            out.push_str(&constant);
            rest = after;
        }
    }
    out + rest
}

/// Puts a script in the place of the line `// JAEGER_CONFIG_JS` and of the one after it.
fn replace_mark(page: &str, script: &str) -> String {
    let mut lines = page.split_inclusive('\n');
    let mut out = String::with_capacity(page.len() + script.len());
    while let Some(line) = lines.next() {
        let comment = line.trim_start().strip_prefix("//");
        let marked = comment.is_some_and(|text| text.trim_start().starts_with("JAEGER_CONFIG_JS"));
        if marked {
            out.push_str(script.trim_end());
            out.push('\n');
            lines.next();
        } else {
            out.push_str(line);
        }
    }
    out
}

/// Whether a script defines what the page calls.
pub(super) fn defines_config(script: &str) -> bool {
    script.match_indices("function").any(|(at, word)| {
        let name = script[at + word.len()..].trim_start();
        let after = name.strip_prefix("UIConfig").map(str::trim_start);
        after.is_some_and(|text| text.starts_with('('))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<base href="/" data-inject-target="BASE_URL" />
<script>
  const JAEGER_CONFIG = DEFAULT_CONFIG;
  const JAEGER_VERSION=DEFAULT_VERSION;
  const JAEGER_STORAGE_CAPABILITIES  =  DEFAULT_STORAGE_CAPABILITIES;
  // JAEGER_CONFIG_JS
  // the line above is replaced
  use(JAEGER_CONFIG);
</script>
"#;

    #[test]
    fn values_take_the_place_of_defaults_wherever_there_is_one() {
        let custom = Custom::Json(json!({ "menu": ["</script><b>"] }));
        let page = inject(PAGE, &custom, "/jaeger", &Capabilities::ALL);
        for place in [
            r#"<base href="/jaeger/" data-inject-target"#,
            r#"const JAEGER_CONFIG = {"menu":["\u003c/script>\u003cb>"]};"#,
            r#"const JAEGER_VERSION = {"#,
            r#"const JAEGER_STORAGE_CAPABILITIES = {"archiveStorage":true"#,
            "use(JAEGER_CONFIG);",
        ] {
            assert!(page.contains(place), "{place}: {page}");
        }
    }

    #[test]
    fn a_script_takes_the_place_of_its_mark_and_of_the_line_after_it() {
        let custom = Custom::Script("function UIConfig() { return {}; }\n".to_owned());
        let page = inject(PAGE, &custom, "", &Capabilities::ALL);
        assert!(
            page.contains("\nfunction UIConfig() { return {}; }\n  use("),
            "{page}"
        );
        assert!(page.contains("JAEGER_CONFIG = DEFAULT_CONFIG;"), "{page}");
        assert!(page.contains(r#"<base href="/" data"#), "{page}");
    }

    #[test]
    fn a_page_without_places_stays_as_it_is() {
        for page in [
            "",
            "<html>",
            "JAEGER_CONFIG = other;",
            "// JAEGER_CONFIG_JS",
        ] {
            assert_eq!(
                inject(page, &Custom::Json(json!({})), "", &Capabilities::ALL),
                page
            );
        }
    }

    #[test]
    fn a_script_has_to_define_the_function() {
        for good in ["function UIConfig() {}", "async function\n UIConfig ( ) {"] {
            assert!(defines_config(good), "{good}");
        }
        for bad in [
            "",
            "UIConfig()",
            "function UIConfigs() {}",
            "const UIConfig = 1",
        ] {
            assert!(!defines_config(bad), "{bad}");
        }
    }
}
