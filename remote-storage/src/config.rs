//! Where the plug-in is, and how much may be asked of it at once.

use std::time::Duration;

use bootstrap::ByteSize;

use crate::failure::EndpointError;

bootstrap::config! {
    /// A storage plug-in written for Jaeger: it answers `jaeger.storage.v2` and takes OTLP, both over
    /// gRPC without TLS. Used where `storage.kind` is `remote`.
    pub struct RemoteConfig {
        /// Where it is read from: `http://host:17271`.
        pub endpoint: String = String::new(),
        /// Where it takes spans. Empty: at `endpoint`.
        pub writer_endpoint: String = String::new(),
        /// Whether the plug-in keeps tenants apart by a header. Off: no header is sent, only the
        /// tenant `default` is read, and spans of others are dead-lettered. On before a plug-in that
        /// passes over the header, tenants see each other's traces.
        pub tenancy: bool = false,
        /// That header: metadata of every call.
        pub tenant_header: String = "x-tenant".to_owned(),
        /// Longest time until a connection stands.
        pub connect_timeout: Duration = Duration::from_secs(5),
        /// Longest time until an export is acknowledged. Beyond it the batch is sent again.
        pub write_timeout: Duration = Duration::from_secs(30),
        /// Longest time until an answer is read whole. Beyond it the query fails.
        pub read_timeout: Duration = Duration::from_secs(30),
        /// Size from which on a batch is parted into several exports. gRPC servers take messages of
        /// 4 MiB unless told otherwise.
        pub max_request: ByteSize = ByteSize::mib(3),
        /// Largest message of an answer. A larger one fails the query.
        pub max_message: ByteSize = ByteSize::mib(64),
        /// Largest answer, over all its messages: what one query may hold, in memory some three times
        /// as much. A larger one fails the query.
        pub max_answer: ByteSize = ByteSize::mib(128),
    }
}

impl RemoteConfig {
    /// Where it takes spans.
    pub(crate) fn writer(&self) -> &str {
        match self.writer_endpoint.as_str() {
            "" => &self.endpoint,
            address => address,
        }
    }

    /// Checks what can be checked without asking anybody.
    ///
    /// # Errors
    /// If an address or the header is none.
    pub fn check(&self) -> Result<(), EndpointError> {
        crate::client::endpoint(&self.endpoint)?;
        crate::client::endpoint(self.writer())?;
        crate::client::header(&self.tenant_header)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: &str) -> RemoteConfig {
        RemoteConfig {
            endpoint: endpoint.to_owned(),
            ..RemoteConfig::default()
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        at("http://plugin:17271").check().expect("an address");
        for wrong in [
            "",
            "plugin:17271",
            "https://plugin:17271",
            "http://",
            "http://a b",
        ] {
            let refused = at(wrong).check();
            assert!(
                matches!(refused, Err(EndpointError::Address(_))),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_header_that_is_none_is_refused() {
        let mut config = at("http://plugin:17271");
        config.tenant_header = "x tenant".to_owned();
        assert!(matches!(config.check(), Err(EndpointError::Header(_))));
    }
}
