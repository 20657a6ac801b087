//! The shop whose traffic is made: forty services, who calls whom, and what they are made of.

/// What a service is built with, as its SDK would tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `telemetry.sdk.language=java`
    Java,
    /// `telemetry.sdk.language=go`
    Go,
    /// `telemetry.sdk.language=python`
    Python,
    /// `telemetry.sdk.language=nodejs`
    Node,
    /// `telemetry.sdk.language=rust`
    Rust,
}

impl Language {
    /// The value of `telemetry.sdk.language`.
    pub fn sdk(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Go => "go",
            Self::Python => "python",
            Self::Node => "nodejs",
            Self::Rust => "rust",
        }
    }
}

/// Where a service keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// A relational database.
    Postgres,
    /// A cache.
    Redis,
    /// A document store.
    Mongo,
    /// Nowhere.
    None,
}

/// One service of the shop.
#[derive(Debug)]
pub struct Service {
    /// `service.name`.
    pub name: &'static str,
    /// What it is built with.
    pub language: Language,
    /// The nouns that its operations are about.
    pub nouns: &'static [&'static str],
    /// Indices in [`SERVICES`] of the services that it calls.
    pub calls: &'static [usize],
    /// Where it keeps its data.
    pub store: Store,
    /// Whether requests from outside arrive here.
    pub edge: bool,
    /// Whether it takes messages from a queue.
    pub worker: bool,
}

const fn service(
    name: &'static str,
    language: Language,
    nouns: &'static [&'static str],
    calls: &'static [usize],
    store: Store,
) -> Service {
    Service {
        name,
        language,
        nouns,
        calls,
        store,
        edge: false,
        worker: false,
    }
}

const fn edge(mut service: Service) -> Service {
    service.edge = true;
    service
}

const fn worker(mut service: Service) -> Service {
    service.worker = true;
    service
}

use Language::{Go, Java, Node, Python, Rust};
use Store::{Mongo, None as NoStore, Postgres, Redis};

/// All services.
pub const SERVICES: &[Service] = &[
    edge(service(
        "web-frontend",
        Node,
        &["home", "search", "product", "cart"],
        &[3, 4, 5, 6, 7],
        Redis,
    )),
    edge(service(
        "mobile-gateway",
        Go,
        &["feed", "product", "order"],
        &[3, 4, 5, 6, 8, 9],
        NoStore,
    )),
    edge(service(
        "partner-api",
        Java,
        &["offer", "stock", "order"],
        &[4, 8, 10, 12],
        Postgres,
    )),
    service(
        "auth",
        Rust,
        &["session", "token", "user"],
        &[22, 23],
        Redis,
    ),
    service(
        "catalogue",
        Java,
        &["product", "category", "brand"],
        &[11, 13, 14, 24],
        Postgres,
    ),
    service(
        "cart",
        Node,
        &["cart", "item", "voucher"],
        &[4, 10, 11, 15],
        Redis,
    ),
    service(
        "search",
        Go,
        &["query", "suggestion", "facet"],
        &[4, 13, 16],
        Mongo,
    ),
    service(
        "recommendation",
        Python,
        &["basket", "visitor", "model"],
        &[4, 17, 18],
        Redis,
    ),
    service(
        "order",
        Java,
        &["order", "line", "return"],
        &[5, 10, 11, 12, 19, 20],
        Postgres,
    ),
    service(
        "profile",
        Node,
        &["profile", "address", "wish"],
        &[22, 24],
        Mongo,
    ),
    service(
        "pricing",
        Rust,
        &["price", "rule", "currency"],
        &[15, 21],
        Redis,
    ),
    service(
        "inventory",
        Go,
        &["stock", "reservation", "warehouse"],
        &[21, 25],
        Postgres,
    ),
    service(
        "checkout",
        Java,
        &["checkout", "quote", "confirmation"],
        &[10, 11, 19, 20, 26],
        Postgres,
    ),
    service("media", Go, &["image", "video", "thumbnail"], &[27], Mongo),
    service(
        "review",
        Python,
        &["review", "rating", "report"],
        &[22, 28],
        Postgres,
    ),
    service(
        "promotion",
        Python,
        &["campaign", "voucher", "segment"],
        &[21, 29],
        Postgres,
    ),
    service(
        "ranking",
        Python,
        &["ranking", "feature", "experiment"],
        &[17, 29],
        Redis,
    ),
    service(
        "feature-store",
        Rust,
        &["feature", "vector", "snapshot"],
        &[],
        Redis,
    ),
    service(
        "model-server",
        Python,
        &["prediction", "embedding"],
        &[17],
        NoStore,
    ),
    service(
        "payment",
        Java,
        &["payment", "refund", "mandate"],
        &[30, 31],
        Postgres,
    ),
    service(
        "shipping",
        Go,
        &["shipment", "label", "route"],
        &[25, 32],
        Postgres,
    ),
    service(
        "reference-data",
        Rust,
        &["country", "tax", "holiday"],
        &[],
        Postgres,
    ),
    service(
        "user-store",
        Java,
        &["user", "consent", "credential"],
        &[33],
        Postgres,
    ),
    service("rate-limiter", Rust, &["bucket", "quota"], &[], Redis),
    service("translation", Node, &["text", "locale"], &[21], Mongo),
    service("geo", Go, &["place", "distance", "zone"], &[], Postgres),
    service(
        "fraud",
        Python,
        &["score", "signal", "case"],
        &[17, 18, 33],
        Mongo,
    ),
    service("blob-store", Rust, &["blob", "bucket"], &[], NoStore),
    service("moderation", Python, &["verdict", "queue"], &[18], Postgres),
    service("experimentation", Go, &["assignment", "flag"], &[], Redis),
    service(
        "card-gateway",
        Java,
        &["authorisation", "capture"],
        &[33],
        NoStore,
    ),
    service(
        "ledger",
        Java,
        &["entry", "account", "statement"],
        &[33],
        Postgres,
    ),
    service(
        "carrier-bridge",
        Node,
        &["pickup", "tracking"],
        &[25],
        NoStore,
    ),
    service("audit", Go, &["event", "trail"], &[], Postgres),
    worker(service("mailer", Node, &["mail", "template"], &[24], Redis)),
    worker(service(
        "indexer",
        Java,
        &["document", "batch"],
        &[4, 13],
        Mongo,
    )),
    worker(service(
        "warehouse-sync",
        Go,
        &["delta", "pick"],
        &[11],
        Postgres,
    )),
    worker(service(
        "invoice",
        Java,
        &["invoice", "pdf"],
        &[27, 31],
        Postgres,
    )),
    worker(service(
        "analytics",
        Python,
        &["click", "session"],
        &[33],
        Mongo,
    )),
    worker(service(
        "notification",
        Node,
        &["push", "sms"],
        &[24],
        Redis,
    )),
];

/// Verbs that make an operation of a noun: method, route and whether it writes.
pub const VERBS: &[(&str, &str)] = &[
    ("GET", "/{id}"),
    ("GET", ""),
    ("POST", ""),
    ("PUT", "/{id}"),
    ("DELETE", "/{id}"),
];

/// How many processes a service runs as.
pub fn instances(service: usize) -> usize {
    2 + service % 3
}

/// The services for which `chosen` holds.
pub fn indices(chosen: impl Fn(&Service) -> bool) -> Vec<usize> {
    SERVICES
        .iter()
        .enumerate()
        .filter(|(_, one)| chosen(one))
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_goes_to_another_service_of_the_shop() {
        for (index, service) in SERVICES.iter().enumerate() {
            let fine = |callee: &usize| *callee < SERVICES.len() && *callee != index;
            assert!(service.calls.iter().all(fine), "{}", service.name);
        }
    }
}
