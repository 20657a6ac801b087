//! What of a span can be compared.

/// Something that a span has, once, several times or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An attribute.
    Attribute {
        /// Its key.
        key: String,
        /// Where it is looked for.
        level: Level,
    },
    /// What the data model defines itself.
    Field(Field),
}

impl Subject {
    /// An attribute on a level.
    pub fn attribute(key: impl Into<String>, level: Level) -> Self {
        let key = key.into();
        Self::Attribute { key, level }
    }
}

/// Where an attribute is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// On the span and on its resource.
    SpanOrResource,
    /// On the span, its scope, its resource, its events and its links.
    Any,
    /// On the span.
    Span,
    /// On its resource.
    Resource,
    /// On its scope.
    Scope,
    /// On its events.
    Event,
    /// On its links.
    Link,
}

impl Level {
    /// Every level that has a name of its own.
    pub const NAMED: [Self; 6] = [
        Self::Any,
        Self::Span,
        Self::Resource,
        Self::Scope,
        Self::Event,
        Self::Link,
    ];

    /// The name; empty for the span or its resource.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SpanOrResource => "",
            Self::Any => "any",
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Event => "event",
            Self::Link => "link",
        }
    }

    /// The level with this name; none for the empty name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|level| level.as_str() == name)
    }
}

/// What a span has many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// Its events.
    Events,
    /// Its links.
    Links,
}

/// What kind of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Text, in the order of its bytes.
    Text,
    /// One of these words, which have no order.
    Word(&'static [&'static str]),
    /// A duration in nanoseconds.
    Duration,
    /// A time in nanoseconds since 1970.
    Time,
}

const KINDS: &[&str] = &[
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
];
const STATUSES: &[&str] = &["unset", "ok", "error"];

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $level:ident $name:literal $domain:expr,)*) => {
        /// What the data model defines of a span, its resource, its scope, its events and links.
        /// Level, names and meaning are those of Jaeger's structured filters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field { $($(#[$doc])* $field,)* }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$field,)*];

            /// The level that it belongs to.
            pub const fn level(self) -> Level {
                match self { $(Self::$field => Level::$level,)* }
            }

            /// Its name on that level.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)* }
            }

            /// What kind of value it has.
            pub const fn domain(self) -> Domain {
                match self { $(Self::$field => $domain,)* }
            }
        }
    };
}

fields! {
    /// The trace's id, in 32 hex digits.
    TraceId = Span "traceID" Domain::Text,
    /// The span's id, in 16 hex digits.
    SpanId = Span "spanID" Domain::Text,
    /// The parent's id; a root has none.
    ParentSpanId = Span "parentSpanID" Domain::Text,
    /// W3C trace state.
    TraceState = Span "traceState" Domain::Text,
    /// The operation.
    Name = Span "name" Domain::Text,
    /// The kind, in lower case.
    Kind = Span "kind" Domain::Word(KINDS),
    /// When it started.
    StartTime = Span "startTime" Domain::Time,
    /// When it ended.
    EndTime = Span "endTime" Domain::Time,
    /// The status, in lower case.
    Status = Span "status" Domain::Word(STATUSES),
    /// Why it failed.
    StatusMessage = Span "statusMessage" Domain::Text,
    /// How long it took.
    Duration = Span "duration" Domain::Duration,
    /// The service, as catalogues have it.
    Service = Resource "service" Domain::Text,
    /// Schema of the resource's attributes.
    ResourceSchemaUrl = Resource "schemaURL" Domain::Text,
    /// The instrumentation library.
    ScopeName = Scope "name" Domain::Text,
    /// Its version.
    ScopeVersion = Scope "version" Domain::Text,
    /// Schema of the scope's attributes.
    ScopeSchemaUrl = Scope "schemaURL" Domain::Text,
    /// An event's name.
    EventName = Event "name" Domain::Text,
    /// When an event happened.
    EventTime = Event "time" Domain::Time,
    /// How long after the start of the span.
    EventTimeSinceStart = Event "timeSinceStart" Domain::Duration,
    /// A linked trace, in 32 hex digits.
    LinkTraceId = Link "traceID" Domain::Text,
    /// A linked span, in 16 hex digits.
    LinkSpanId = Link "spanID" Domain::Text,
    /// W3C trace state of the linked span.
    LinkTraceState = Link "traceState" Domain::Text,
}

impl Field {
    /// The field of a level with this name.
    pub fn find(level: Level, name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|field| field.level() == level && field.name() == name)
    }
}
