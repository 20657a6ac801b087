//! `spoor dlq`: dead letters, listed, opened, driven again, purged, wherever this deployment keeps
//! them. The query service's admin API does the same with [`desk`].

mod args;
mod desk;
mod place;
mod text;

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use ingester::letters::{self, Letters};
use model::{PurgeRequest, RedriveRequest};

pub(crate) use self::args::DeadLettersCommand;
use self::args::{ListArgs, PurgeArgs, RedriveArgs, ShowArgs};
pub(crate) use self::desk::desk;
use self::place::Place;
use crate::config::Config;
use crate::console::say;
use crate::roles::connect;

/// Does what the command line says.
pub(crate) async fn run(config: &Config, command: DeadLettersCommand) -> anyhow::Result<()> {
    let stores = connect(config).await?;
    let done = match place::place(config, stores.home().clone(), "dlq").await? {
        Place::Topic(letters) => obey(&letters, command).await,
        Place::Table(letters) => obey(&letters, command).await,
    };
    stores.close().await;
    done
}

async fn obey<L: Letters>(letters: &L, command: DeadLettersCommand) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::Ls(args) if args.records => list_records(letters, args).await,
        DeadLettersCommand::Ls(args) => list_groups(letters, args).await,
        DeadLettersCommand::Show(args) => show(letters, args).await,
        DeadLettersCommand::Redrive(args) => redrive(letters, args).await,
        DeadLettersCommand::Purge(args) => purge(letters, args).await,
    }
}

async fn list_groups<L: Letters>(letters: &L, args: ListArgs) -> anyhow::Result<()> {
    let groups = letters::groups(letters, &args.filter.filter()).await?;
    let groups = groups.into_groups();
    if args.json {
        say(String::from_utf8(query::api::admin::render_groups(
            &groups,
        ))?);
    } else {
        say(text::groups(&groups).trim_end());
    }
    Ok(())
}

/// Lists page by page, so that a long list neither waits nor is held.
async fn list_records<L: Letters>(letters: &L, args: ListArgs) -> anyhow::Result<()> {
    let filter = args.filter.filter();
    let mut left = args.limit;
    let mut after = args.after;
    if !args.json {
        say(text::RECORDS_HEAD);
    }
    while left > 0 {
        let page = letters::page(letters, &filter, after, left.min(args::PAGE)).await?;
        for letter in &page.letters {
            match args.json {
                true => say(serde_json::to_string(letter)?),
                false => say(text::record(letter)),
            }
        }
        left -= page.letters.len();
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
    if let Some(after) = after
        && !args.json
    {
        say(format!("There may be more: --after {after}"));
    }
    Ok(())
}

async fn show<L: Letters>(letters: &L, args: ShowArgs) -> anyhow::Result<()> {
    let found = letters.letter(args.id).await?;
    let open = found.with_context(|| format!("there is no dead letter {}", args.id))?;
    let content = letters::content(open, letters.schemas());
    let json = query::api::admin::render_letter(&content);
    match args.json {
        true => say(String::from_utf8(json)?),
        false => say(text::letter(&content, &json)?.trim_end()),
    }
    Ok(())
}

async fn redrive<L: Letters>(letters: &L, args: RedriveArgs) -> anyhow::Result<()> {
    let mut filter = args.filter.filter();
    filter.ranges.extend(args.ids);
    if filter.is_empty() != args.all {
        bail!("say which letters are meant: ids, conditions, or --all, and not both");
    }
    let request = RedriveRequest {
        filter,
        max_attempts: args.max_attempts,
        dry_run: args.dry_run,
    };
    let told = |report: &model::RedriveReport| {
        tracing::info!(letters = report.selected, "Driving letters again");
    };
    let report = letters::redrive(letters, &request, told).await?;
    match args.json {
        true => say(serde_json::to_string(&report)?),
        false => say(text::redriven(&report).trim_end()),
    }
    Ok(())
}

async fn purge<L: Letters>(letters: &L, args: PurgeArgs) -> anyhow::Result<()> {
    let mut ranges = args.ids.clone();
    ranges.extend(args.up_to.iter().copied().map(model::LetterRange::up_to));
    let request = PurgeRequest {
        ranges,
        before: args.older_than,
        dry_run: !args.yes,
    };
    if request.ranges.is_empty() && request.before.is_none() {
        bail!("say which letters are to be deleted: --up-to, --older-than, or ids");
    }
    let report = letters.purge(&request).await?;
    match args.json {
        true => say(serde_json::to_string(&report)?),
        false => say(text::purged(&report).trim_end()),
    }
    Ok(())
}

/// The topics that hold spans: letters come from them, and may be given back to them.
fn origins(config: &Config) -> Vec<String> {
    let of_schema = schemas::topics()
        .into_iter()
        .filter(|topic| topic.schema.is_some())
        .map(|topic| topic.name);
    let live = config.ingester.consume.topic.clone();
    of_schema
        .chain([live])
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
