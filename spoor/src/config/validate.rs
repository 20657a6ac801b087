//! What a document may not say although each key by itself is right.

use anyhow::{Context, ensure};

use collector::StrategySource;
use ingester::TailSampler;
use storage::can_spread;

use super::storage::FurtherSection;
use super::{Config, Deployment, StoreKind};

impl Config {
    /// Checks sections against themselves and each other, without asking any server.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        let partitions = self.topics.partitions;
        ensure!(
            partitions.is_power_of_two(),
            "`topics.partitions` is {partitions} and must be a power of two"
        );
        let (record, message) = (
            self.kafka.producer.max_record_bytes,
            self.topics.max_message_bytes,
        );
        ensure!(
            record <= message,
            "`kafka.producer.max_record_bytes` ({record}) must not exceed `topics.max_message_bytes` ({message})"
        );
        self.validate_kafka()?;
        let ratio = self.tracing.sampling_ratio;
        ensure!(
            (0.0..=1.0).contains(&ratio),
            "`tracing.sampling_ratio` must lie between 0 and 1"
        );
        self.validate_sampling()?;
        self.validate_tail_sampling()?;
        self.validate_topics()?;
        self.validate_store()?;
        crate::schema_ids::registry(self)?;
        Ok(())
    }

    /// Probabilities that nobody calculates would never be told; settings that contradict each other
    /// would lead every service astray.
    fn validate_sampling(&self) -> anyhow::Result<()> {
        let (told, of) = (&self.collector.sampling, &self.ingester.sampling);
        ensure!(
            told.source == StrategySource::Static || of.enabled,
            "`collector.sampling.source` is `adaptive`, so `ingester.sampling.enabled` must be true"
        );
        ensure!(
            of.target_samples_per_second > 0.0,
            "`ingester.sampling.target_samples_per_second` must be greater than 0"
        );
        ensure!(
            0.0 < of.min_sampling_probability
                && of.min_sampling_probability <= of.initial_sampling_probability
                && of.initial_sampling_probability <= 1.0,
            "`ingester.sampling`: 0 < `min_sampling_probability` <= `initial_sampling_probability` <= 1 must hold"
        );
        ensure!(
            of.min_samples_per_second >= 0.0 && of.delta_tolerance > 0.0,
            "`ingester.sampling`: `min_samples_per_second` and `delta_tolerance` must not be negative"
        );
        ensure!(
            !of.calculation_interval.is_zero(),
            "`ingester.sampling.calculation_interval` must not be 0"
        );
        Ok(())
    }

    /// Traces must be assembled before they can be decided of.
    fn validate_tail_sampling(&self) -> anyhow::Result<()> {
        let of = &self.ingester.tail_sampling;
        TailSampler::new(of).context("in `ingester.tail_sampling`")?;
        ensure!(
            !of.enabled || self.deployment == Deployment::Kafka,
            "`ingester.tail_sampling.enabled` cannot be true with `deployment = \"direct\"`: no trace \
             is assembled there"
        );
        Ok(())
    }

    /// What topics hold is published before it is committed: that takes a topic of our own.
    fn validate_topics(&self) -> anyhow::Result<()> {
        let of = &self.collector.kafka;
        of.validate().context("in `collector.kafka`")?;
        ensure!(
            of.topics.is_empty() || self.deployment == Deployment::Kafka,
            "`collector.kafka.topics` needs `deployment = \"kafka\"`"
        );
        let (consume, replay) = (&self.ingester.consume, &self.ingester.replay);
        let mut ours: Vec<String> = schemas::topics().into_iter().map(|one| one.name).collect();
        ours.extend(
            [
                &self.collector.publish.topic,
                &of.dead_letter_topic,
                &consume.topic,
                &consume.dead_letter_topic,
                &replay.topic,
            ]
            .map(Clone::clone),
        );
        // In another cluster too: letters are told apart, and driven again, by the topic's name.
        for read in &of.topics {
            ensure!(
                !ours.contains(&read.topic),
                "`collector.kafka.topics`: {} is a topic of Spoor's own, which would read what it writes",
                read.topic
            );
        }
        Ok(())
    }

    /// What needs Postgres is refused beside a storage plug-in, not left undone.
    fn validate_store(&self) -> anyhow::Result<()> {
        self.validate_stores()?;
        if self.storage.kind == StoreKind::Postgres {
            return Ok(());
        }
        self.storage.remote.check().context("in `storage.remote`")?;
        let refused = [
            (
                self.deployment == Deployment::Direct,
                "`deployment = \"direct\"`: without a log nothing remembers what the plug-in has not taken",
            ),
            (
                self.ingester.tail_sampling.enabled,
                "`ingester.tail_sampling.enabled`: a plug-in does not keep what was decided",
            ),
            (
                self.ingester.sampling.enabled,
                "`ingester.sampling.enabled`: a plug-in does not count root spans",
            ),
            (
                self.query.admin.token.is_set(),
                "`query.admin.token`: the admin API works on what Postgres keeps",
            ),
        ];
        for (is_set, why) in refused {
            ensure!(
                !is_set,
                "`storage.kind` is `remote`, which cannot go with {why}"
            );
        }
        Ok(())
    }

    /// Partitions are divided among several stores: without them, or beside a plug-in, nothing would be.
    fn validate_stores(&self) -> anyhow::Result<()> {
        let (stores, partitions) = (self.storage.count(), self.topics.partitions);
        if stores == 1 {
            return Ok(());
        }
        ensure!(
            self.storage.kind == StoreKind::Postgres,
            "`storage.further` needs `storage.kind = \"postgres\"`"
        );
        ensure!(
            self.deployment == Deployment::Kafka,
            "`storage.further` cannot go with `deployment = \"direct\"`: without a log there are no \
             partitions to divide among stores"
        );
        ensure!(
            stores.is_power_of_two(),
            "`storage.further`: there are {stores} stores with the first one, and their number must be a \
             power of two"
        );
        ensure!(
            can_spread(partitions as usize, stores),
            "`storage.further`: there are {stores} stores and no more than {partitions} partitions \
             (`topics.partitions`) to divide among them"
        );
        ensure!(
            self.storage.further.iter().all(FurtherSection::is_set),
            "`storage.further`: each store needs a `url`"
        );
        Ok(())
    }

    /// Refuses a command that works on what Postgres keeps.
    ///
    /// # Errors
    /// If the store is a plug-in.
    pub(crate) fn needs_postgres(&self, command: &str) -> anyhow::Result<()> {
        ensure!(
            self.storage.kind == StoreKind::Postgres,
            "`{command}` works on what Postgres keeps, and `storage.kind` is `remote`"
        );
        Ok(())
    }

    /// Without brokers, a Kafka of our own is started, and reached without security.
    fn validate_kafka(&self) -> anyhow::Result<()> {
        self.kafka
            .producer()
            .validate()
            .context("in `kafka.producer`")?;
        self.ingester
            .consume
            .consumer()
            .validate()
            .context("in `ingester.consume`")?;
        if !self.kafka.brokers.is_empty() {
            self.kafka.client().validate().context("in `kafka`")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_must_be_a_power_of_two() {
        let mut config = Config::default();
        config.topics.partitions = 12;
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("`topics.partitions`")
        );
    }

    #[test]
    fn probabilities_that_are_told_must_be_calculated() {
        let mut config = Config::default();
        config.collector.sampling.source = StrategySource::Adaptive;
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("`ingester.sampling.enabled`")
        );
        config.ingester.sampling.enabled = true;
        config.validate().expect("it is calculated");
    }

    fn sampled(policies: &str) -> Result<Config, String> {
        let sources = bootstrap::config::Sources {
            flags: vec![
                "ingester.tail_sampling.enabled=true".to_owned(),
                format!("ingester.tail_sampling.policies={policies}"),
            ],
            ..Default::default()
        };
        let loaded = bootstrap::config::load::<Config>(&sources);
        loaded
            .map(|loaded| loaded.config)
            .map_err(|error| bootstrap::chain(&error).to_string())
    }

    #[test]
    fn a_misspelled_policy_is_refused_and_the_nearest_name_told() {
        let error = sampled(r#"[{name = "slow", type = "latncy"}]"#).expect_err("misspelled");
        assert!(error.contains("ingester.tail_sampling.policies"), "{error}");
        assert!(error.contains("`slow`: unknown type `latncy`"), "{error}");
        assert!(error.contains("nearest known one is `latency`"), "{error}");
    }

    #[test]
    fn the_direct_deployment_refuses_tail_sampling() {
        let config = sampled(r#"[{name = "all", type = "always_sample"}]"#);
        let mut config = config.expect("good policies");
        config.validate().expect("traces are assembled");
        config.deployment = Deployment::Direct;
        let error = config.validate().expect_err("nothing is assembled");
        assert!(error.to_string().contains("tail_sampling"), "{error}");
    }

    #[test]
    fn tail_sampling_without_policies_is_refused() {
        let mut config = Config::default();
        config.ingester.tail_sampling.enabled = true;
        assert!(config.validate().is_err());
    }

    fn reading(topic: &str) -> anyhow::Result<()> {
        let mut config = Config::default();
        config.collector.publish.topic = "renamed.spans".to_owned();
        config.collector.kafka.topics = vec![collector::config::TopicConfig {
            topic: topic.to_owned(),
            encoding: collector::config::TopicEncoding::OtlpProto,
            tenant: None,
            group: None,
        }];
        config.validate()
    }

    #[test]
    fn a_collector_does_not_read_what_it_writes() {
        reading("otlp_spans").expect("a topic of another collector");
        for own in [
            "spoor.spans",
            "spoor.spans.dlq",
            "spoor.control",
            "renamed.spans",
        ] {
            let error = reading(own).expect_err("a topic of Spoor's own");
            assert!(error.to_string().contains(own), "{error}");
        }
    }

    fn remote() -> Config {
        let mut config = Config::default();
        config.storage.kind = StoreKind::Remote;
        config.storage.remote.endpoint = "http://plugin:17271".to_owned();
        config
    }

    #[test]
    fn a_storage_plug_in_refuses_what_needs_postgres() {
        remote().validate().expect("a plug-in behind Kafka");
        let with = |change: &dyn Fn(&mut Config)| {
            let mut config = remote();
            change(&mut config);
            config
                .validate()
                .expect_err("it needs Postgres")
                .to_string()
        };
        let at = |address: &str| with(&|of| of.storage.remote.endpoint = address.to_owned());
        let token = bootstrap::Secret::new("token");
        for (refused, named) in [
            (with(&|of| of.deployment = Deployment::Direct), "deployment"),
            (
                with(&|of| of.ingester.sampling.enabled = true),
                "ingester.sampling",
            ),
            (
                with(&|of| of.query.admin.token = token.clone()),
                "query.admin.token",
            ),
            (at(""), "storage.remote"),
            (at("https://plugin:17271"), "storage.remote"),
        ] {
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn a_storage_plug_in_refuses_tail_sampling() {
        let mut config = sampled(r#"[{name = "all", type = "always_sample"}]"#).expect("good");
        config.storage = remote().storage;
        let refused = config.validate().expect_err("nothing keeps decisions");
        assert!(refused.to_string().contains("tail_sampling"), "{refused}");
    }

    #[test]
    fn several_stores_need_kafka_and_a_partition_each() {
        let with = |further: usize, change: &dyn Fn(&mut Config)| {
            let mut config = Config::default();
            let one = serde_json::json!({ "url": "postgres://db/spoor" });
            let all = serde_json::Value::Array(vec![one; further]);
            config.storage.further = serde_json::from_value(all).expect("good stores");
            change(&mut config);
            config.validate().map_err(|error| error.to_string())
        };
        let two_partitions = |of: &mut Config| of.topics.partitions = 2;
        for further in [0, 1, 3] {
            with(further, &|_| ()).expect("a power of two");
        }
        with(1, &two_partitions).expect("one for each");
        for (refused, named) in [
            (with(2, &|_| ()), "power of two"),
            (with(3, &two_partitions), "`topics.partitions`"),
            (with(1, &|of| of.deployment = Deployment::Direct), "direct"),
            (
                with(1, &|of| of.storage.kind = StoreKind::Remote),
                "`storage.kind",
            ),
        ] {
            let refused = refused.expect_err("it cannot work");
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn a_record_must_fit_into_its_topic() {
        let mut config = Config::default();
        config.topics.max_message_bytes = bootstrap::ByteSize::kib(64);
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("`topics.max_message_bytes`")
        );
    }
}
