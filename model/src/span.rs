//! What kind of span it is and how it ended.

macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal $label:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant = $number,)* }

        impl $name {
            /// Every value, in order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The value with OTLP's number, if there is one.
            pub const fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }

            /// OTLP's number.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The lower-case name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The value with this name, in either case.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str().eq_ignore_ascii_case(name))
            }
        }
    };
}

wire_enum! {
    /// The role of a span, with OTLP's numbers.
    SpanKind {
        /// Not told.
        #[default]
        Unspecified = 0 "unspecified",
        /// Work inside a service.
        Internal = 1 "internal",
        /// Serves a request from outside.
        Server = 2 "server",
        /// Makes a request.
        Client = 3 "client",
        /// Hands a message to a broker.
        Producer = 4 "producer",
        /// Takes a message from a broker.
        Consumer = 5 "consumer",
    }
}

wire_enum! {
    /// How a span ended, with OTLP's numbers.
    StatusCode {
        /// Not told.
        #[default]
        Unset = 0 "unset",
        /// Declared a success.
        Ok = 1 "ok",
        /// Failed.
        Error = 2 "error",
    }
}
