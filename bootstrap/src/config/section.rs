//! The macro that makes a section of the configuration.

/// Defines sections of the configuration.
///
/// ```
/// use std::time::Duration;
/// use bootstrap::{ByteSize, Secret};
///
/// bootstrap::config! {
///     /// Where records go.
///     pub struct PublishConfig {
///         /// How long to wait for the brokers.
///         /// Longer: fewer errors while a broker restarts. Shorter: clients retry sooner.
///         pub timeout: Duration = Duration::from_secs(10),
///         /// Most memory for records in flight.
///         pub buffer: ByteSize = ByteSize::mib(64),
///         /// Password of the user; better given as `password_file`.
///         pub password: Secret = Secret::none(),
///         /// A section inside this one: a field without a default.
///         pub limits: LimitsConfig,
///     }
///
///     /// Limits.
///     pub struct LimitsConfig {
///         /// Most spans of one request.
///         pub spans: u32 = 10_000,
///     }
/// }
/// assert_eq!(PublishConfig::default().limits.spans, 10_000);
/// ```
///
/// Each struct derives `Debug`, `Clone`, `Serialize` and `Deserialize` (missing keys take their
/// default, unknown ones are refused), and implements `Default` and
/// [`Documented`](crate::config::Documented). Fields take doc comments and no other attribute.
/// A duration is written `Duration` or `Option<Duration>`, not by its path. An enum used as a
/// field derives serde's traits itself, with `#[serde(rename_all = "kebab-case")]`; its values
/// reach the documentation.
#[macro_export]
macro_rules! config {
    ($($(#[doc = $doc:literal])* $vis:vis struct $name:ident { $($fields:tt)* })+) => {
        $($crate::config!(@field { [$($doc),*] [$vis] $name } [] $($fields)*);)+
    };

    (@field $head:tt [$($done:tt)*] $(#[doc = $doc:literal])*
        pub $field:ident : Duration = $default:expr $(, $($rest:tt)*)?) => {
        $crate::config!(@field $head [$($done)*
            { [$($doc),*] [#[serde(with = "::bootstrap::config::duration")]] value $field [Duration] [$default] }
        ] $($($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*] $(#[doc = $doc:literal])*
        pub $field:ident : Option<Duration> = $default:expr $(, $($rest:tt)*)?) => {
        $crate::config!(@field $head [$($done)*
            { [$($doc),*] [#[serde(with = "::bootstrap::config::duration")]] value $field [Option<Duration>] [$default] }
        ] $($($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*] $(#[doc = $doc:literal])*
        pub $field:ident : $type:ty = $default:expr $(, $($rest:tt)*)?) => {
        $crate::config!(@field $head [$($done)*
            { [$($doc),*] [] value $field [$type] [$default] }
        ] $($($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*] $(#[doc = $doc:literal])*
        pub $field:ident : $type:ty $(, $($rest:tt)*)?) => {
        $crate::config!(@field $head [$($done)*
            { [$($doc),*] [] section $field [$type] [<$type>::default()] }
        ] $($($rest)*)?);
    };

    (@field { [$($doc:literal),*] [$vis:vis] $name:ident } [$(
        { [$($fdoc:literal),*] [$($attribute:tt)*] $kind:ident $field:ident [$type:ty] [$default:expr] }
    )*]) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "::bootstrap::serde", default, deny_unknown_fields)]
        $vis struct $name {
            $($(#[doc = $fdoc])* $($attribute)* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::Documented for $name {
            fn document() -> $crate::config::SectionDoc {
                $crate::config::SectionDoc::new(&[$($doc),*], &Self::default())
                    $(.$kind::<$type>(stringify!($field), stringify!($type), &[$($fdoc),*]))*
            }
        }
    };
}
