//! Settings that cannot keep the promise are refused, secrets are never shown.

use std::time::Duration;

use super::*;

fn with_property(property: &str) -> KafkaConfig {
    let properties = BTreeMap::from([(property.to_owned(), "x".to_owned())]);
    KafkaConfig {
        properties,
        ..KafkaConfig::default()
    }
}

#[test]
fn the_defaults_are_valid() {
    KafkaConfig::default().validate().unwrap();
    ProducerConfig::default()
        .client(&KafkaConfig::default())
        .unwrap();
    ConsumerConfig::default()
        .member(&KafkaConfig::default())
        .unwrap();
    ConsumerConfig::default()
        .reader(&KafkaConfig::default())
        .unwrap();
}

#[test]
fn properties_that_the_promise_rests_on_are_refused() {
    for property in [
        "acks",
        "enable.idempotence",
        "enable.auto.commit",
        "ACKS",
        "auto.offset.reset",
    ] {
        let error = with_property(property).validate().unwrap_err();
        assert!(error.to_string().contains("promise"), "{property}: {error}");
    }
}

#[test]
fn properties_with_a_field_of_their_own_are_refused() {
    for property in [
        "bootstrap.servers",
        "linger.ms",
        "group.id",
        "security.protocol",
    ] {
        let error = with_property(property).validate().unwrap_err();
        assert!(error.to_string().contains("field"), "{property}: {error}");
    }
}

#[test]
fn properties_that_hold_secrets_are_refused_without_showing_them() {
    for property in [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.secret",
    ] {
        let config = with_property(property);
        let error = config.validate().unwrap_err();
        assert!(error.to_string().contains("files"), "{property}: {error}");
        assert!(!format!("{error:?}").contains("\"x\""));
    }
}

#[test]
fn every_property_that_the_program_sets_is_refused_as_a_property() {
    let kafka = KafkaConfig::default();
    let consumer = ConsumerConfig {
        instance_id: Some("i".to_owned()),
        ..ConsumerConfig::default()
    };
    let clients = [
        ProducerConfig::default().client(&kafka).unwrap(),
        consumer.member(&kafka).unwrap(),
        consumer.reader(&kafka).unwrap(),
    ];
    let tuned = kafka.client().unwrap();
    for client in clients {
        let settings = client.config_map();
        for name in settings.keys().filter(|name| tuned.get(name).is_none()) {
            assert!(
                with_property(name).validate().is_err(),
                "{name} could be set twice"
            );
        }
    }
}

#[test]
fn other_properties_are_passed_on() {
    let kafka = with_property("client.rack");
    assert_eq!(kafka.client().unwrap().get("client.rack"), Some("x"));
}

#[test]
fn unknown_fields_are_refused() {
    let error = serde_json::from_str::<KafkaConfig>(r#"{"broker": "a:1"}"#).unwrap_err();
    assert!(
        error.to_string().contains("unknown field `broker`"),
        "{error}"
    );
}

#[test]
fn a_configuration_is_what_its_own_text_says() {
    let producer = ProducerConfig {
        queue_bytes: 16 << 20,
        ..ProducerConfig::default()
    };
    let text = serde_json::to_string(&producer).unwrap();
    assert!(text.contains("16 MiB") && text.contains("5ms"), "{text}");
    assert_eq!(
        serde_json::from_str::<ProducerConfig>(&text).unwrap(),
        producer
    );
    let consumer = ConsumerConfig::default();
    let text = serde_json::to_string(&consumer).unwrap();
    assert_eq!(
        serde_json::from_str::<ConsumerConfig>(&text).unwrap(),
        consumer
    );
    let kafka = KafkaConfig::default();
    let text = serde_json::to_string(&kafka).unwrap();
    assert_eq!(serde_json::from_str::<KafkaConfig>(&text).unwrap(), kafka);
}

#[test]
fn draining_must_be_quicker_than_the_session() {
    let long = Duration::from_secs(45);
    let config = ConsumerConfig {
        drain_timeout: long,
        ..ConsumerConfig::default()
    };
    assert!(matches!(
        config.validate(),
        Err(ConfigError::Invalid {
            field: "consumer.drain_timeout",
            ..
        })
    ));
}

#[test]
fn a_sasl_password_comes_from_its_file_and_is_not_in_the_debug_text() {
    let file = std::env::temp_dir().join(format!("spoor-kafka-password-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").unwrap();
    let security = SecurityConfig {
        protocol: SecurityProtocol::SaslSsl,
        username: Some("user".to_owned()),
        password_file: Some(file.clone()),
        ..SecurityConfig::default()
    };
    let kafka = KafkaConfig {
        security,
        ..KafkaConfig::default()
    };
    let client = kafka.client().unwrap();
    std::fs::remove_file(file).unwrap();
    assert_eq!(client.get("sasl.password"), Some("hunter2"));
    assert_eq!(client.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
    assert!(!format!("{kafka:?}").contains("hunter2"));
}

#[test]
fn a_password_file_that_is_missing_is_named() {
    let security = SecurityConfig {
        protocol: SecurityProtocol::SaslPlaintext,
        username: Some("user".to_owned()),
        password_file: Some("/nowhere/password".into()),
        ..SecurityConfig::default()
    };
    let error = KafkaConfig {
        security,
        ..KafkaConfig::default()
    }
    .client()
    .unwrap_err();
    assert!(error.to_string().contains("/nowhere/password"), "{error}");
}
