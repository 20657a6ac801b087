//! Row 15: what a hostile HTTP/2 client sends by hand. The connection ends or stays harmless, and
//! other clients are served all the while.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::running::{PROTOBUF, Running, start};
use crate::traces::{of_cart, span};
use crate::wire;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// `POST http /` by HPACK's static table.
const POST: &[u8] = &[0x83, 0x86, 0x84];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Sends a flood on a connection of its own; returns the codes of the GOAWAY frames that came back.
async fn flood(running: &Running, frames: impl Iterator<Item = Vec<u8>>) -> Vec<u32> {
    let mut stream = TcpStream::connect(running.grpc)
        .await
        .expect("a connection");
    let (mut from, mut to) = stream.split();
    let writing = async {
        let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        for frame in std::iter::once(opening).chain(frames) {
            // The other side may have closed, which is as good as any answer.
            if to.write_all(&frame).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    let mut answer = Vec::new();
    let reading = async {
        let _ = from.read_to_end(&mut answer).await;
    };
    let both = async { tokio::join!(writing, reading) };
    tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .expect("the connection ends");
    goaways(&answer)
}

fn goaways(mut answer: &[u8]) -> Vec<u32> {
    let mut codes = Vec::new();
    while let Some((head, rest)) = answer.split_first_chunk::<9>() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(len) else {
            break;
        };
        if head[3] == GOAWAY {
            codes.push(u32::from_be_bytes(
                payload[4..8].try_into().expect("four bytes"),
            ));
        }
        answer = rest;
    }
    codes
}

async fn others_are_served(running: &Running) {
    let before = running.published.spans().len();
    let good = wire::request(&of_cart([span(1, 1)]));
    assert_eq!(running.send(PROTOBUF, good).await.status(), 200);
    assert_eq!(running.published.spans().len(), before + 1);
    let open = "spoor_collector_connections{protocol=\"otlp_grpc\"}";
    running
        .until("the flood's connection is gone", |running| {
            running.metric(open) == 0.0
        })
        .await;
}

const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test]
async fn rapid_reset_is_sent_away() {
    let running = start().await;
    let streams = (0..10_000u32).map(|n| {
        let id = 2 * n + 1;
        let open = frame(HEADERS, END_HEADERS, id, POST);
        [open, frame(RST_STREAM, 0, id, &8u32.to_be_bytes())].concat()
    });
    assert_eq!(flood(&running, streams).await, [ENHANCE_YOUR_CALM]);
    others_are_served(&running).await;
}

#[tokio::test]
async fn endless_headers_are_sent_away() {
    let running = start().await;
    let open = std::iter::once(frame(HEADERS, 0, 1, POST));
    // A literal header of 100 bytes, again and again, and never an end.
    let header = [&[0x00, 1, b'x', 100][..], &[b'y'; 100]].concat();
    let endless = std::iter::repeat_n(frame(CONTINUATION, 0, 1, &header), 100_000);
    let codes = flood(&running, open.chain(endless)).await;
    assert!(
        codes.iter().all(|code| *code == ENHANCE_YOUR_CALM),
        "{codes:?}"
    );
    others_are_served(&running).await;
}

#[tokio::test]
async fn empty_data_is_sent_away() {
    let running = start().await;
    let post = [POST, &[0x5f, 16], b"application/grpc"].concat();
    let open = std::iter::once(frame(HEADERS, END_HEADERS, 1, &post));
    let empty = std::iter::repeat_n(frame(DATA, 0, 1, &[]), 200_000);
    flood(&running, open.chain(empty)).await;
    others_are_served(&running).await;
}

#[tokio::test]
async fn settings_and_pings_are_harmless() {
    let running = start().await;
    flood(
        &running,
        std::iter::repeat_n(frame(SETTINGS, 0, 0, &[]), 50_000),
    )
    .await;
    others_are_served(&running).await;
    flood(
        &running,
        std::iter::repeat_n(frame(PING, 0, 0, &[0; 8]), 50_000),
    )
    .await;
    others_are_served(&running).await;
}
