//! Networks for brokers: a namespace with an address for each, joined by a bridge. Needs root,
//! `ip` and `nft`.

use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, ensure};

/// Which packets of a member are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Those that come and those that go.
    BothWays,
    /// Those that go: it hears, and nobody hears it.
    Outgoing,
    /// Those that come: it is heard, and hears nobody.
    Incoming,
}

/// With whom a member no longer talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With anybody.
    Everybody,
    /// With the other members; programs outside still reach it.
    Members,
    /// With programs outside; the members still reach it.
    Outside,
}

/// A bridge and its members.
pub struct Network {
    bridge: String,
    prefix: String,
    members: Vec<String>,
}

impl Network {
    /// Makes one with so many members.
    pub fn new(members: usize) -> anyhow::Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = (std::process::id() as u16).wrapping_mul(7) % 200;
        let number = (number + NEXT.fetch_add(1, Ordering::Relaxed)) % 250;
        let mut network = Self {
            bridge: format!("spoorbr{number}"),
            prefix: format!("10.213.{number}"),
            members: Vec::new(),
        };
        let bridge = network.bridge.clone();
        // Left by a run that was killed.
        ip(&["link", "del", &bridge]).unwrap_or_default();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&[
            "addr",
            "add",
            &format!("{}.1/24", network.prefix),
            "dev",
            &bridge,
        ])?;
        ip(&["link", "set", &bridge, "up"])?;
        for index in 0..members {
            network.join(number, index)?;
        }
        Ok(network)
    }

    fn join(&mut self, number: u16, index: usize) -> anyhow::Result<()> {
        let namespace = format!("spoor{number}n{index}");
        let (here, there) = (format!("spoor{number}h{index}"), "eth0");
        ip(&["netns", "del", &namespace]).unwrap_or_default();
        ip(&["netns", "add", &namespace])?;
        self.members.push(namespace.clone());
        ip(&[
            "link", "add", &here, "type", "veth", "peer", "name", there, "netns", &namespace,
        ])?;
        ip(&["link", "set", &here, "master", &self.bridge, "up"])?;
        let inside = |arguments: &[&str]| ip(&[&["-n", namespace.as_str()], arguments].concat());
        inside(&[
            "addr",
            "add",
            &format!("{}/24", self.address(index)),
            "dev",
            there,
        ])?;
        inside(&["link", "set", there, "up"])?;
        inside(&["link", "set", "lo", "up"])
    }

    /// The address of a member.
    pub fn address(&self, member: usize) -> String {
        format!("{}.{}", self.prefix, 10 + member)
    }

    /// The words before a command line that runs inside a member.
    pub fn enter(&self, member: usize) -> Vec<String> {
        let words = ["ip", "netns", "exec", &self.members[member]];
        words.map(str::to_owned).to_vec()
    }

    /// Drops packets from now on.
    pub fn cut(&self, member: usize, cut: Cut, from: From) -> anyhow::Result<()> {
        let outside = format!("{}.1", self.prefix);
        let peers = |field: &str| match from {
            From::Everybody => format!("ip {field} {}.0/24", self.prefix),
            From::Members => format!("ip {field} {}.0/24 ip {field} != {outside}", self.prefix),
            From::Outside => format!("ip {field} {outside}"),
        };
        let mut rules = String::from("table inet fault {\n");
        if cut != Cut::Outgoing {
            let matched = peers("saddr");
            rules += "chain in { type filter hook input priority 0;\n";
            rules += &format!("{matched} ip saddr != {} drop\n}}\n", self.address(member));
        }
        if cut != Cut::Incoming {
            let matched = peers("daddr");
            rules += "chain out { type filter hook output priority 0;\n";
            rules += &format!("{matched} ip daddr != {} drop\n}}\n", self.address(member));
        }
        rules += "}\n";
        self.nft(member, &rules)
    }

    /// Lets every packet pass again.
    pub fn heal(&self, member: usize) -> anyhow::Result<()> {
        self.nft(member, "table inet fault\ndelete table inet fault\n")
    }

    fn nft(&self, member: usize, rules: &str) -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), rules)?;
        let mut line = self.enter(member);
        line.extend(["nft".to_owned(), "-f".to_owned()]);
        line.push(file.path().display().to_string());
        run(&line)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in &self.members {
            ip(&["netns", "del", namespace]).unwrap_or_default();
        }
        ip(&["link", "del", &self.bridge]).unwrap_or_default();
    }
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let line = [&["ip"], arguments].concat();
    run(&line.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

/// Runs a command of the machine's administration.
pub(super) fn run(line: &[String]) -> anyhow::Result<()> {
    let output = Command::new(&line[0]).args(&line[1..]).output();
    let output = output.with_context(|| format!("{} cannot be run", line[0]))?;
    ensure!(
        output.status.success(),
        "{}: {}",
        line.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
