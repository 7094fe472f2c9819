//! What a target may do: its ids, groups, capabilities and namespaces, to take on exactly these.

use crate::target::process::Process;
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Gid, Uid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set,
    remove_capability_from_bounding_set, set_capabilities,
};
use std::fs::{File, read_to_string};
use std::os::unix::fs::MetadataExt;

/// The highest number of a capability that a kernel may have.
const CAPABILITIES: u32 = 64;

/// The ids of a process, as its own user namespace numbers them, and its capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rights {
    uids: [u32; 3],
    gids: [u32; 3],
    groups: Vec<u32>,
    bounding: CapabilitySet,
    effective: CapabilitySet,
}

impl Rights {
    pub(super) fn of(target: &Process) -> Result<Self, String> {
        let status = target.status().map_err(|error| error.to_string())?;
        let uid_map = Map::read(target, "uid_map")?;
        let gid_map = Map::read(target, "gid_map")?;
        let groups: Option<Vec<u32>> = status
            .groups
            .iter()
            .map(|&group| gid_map.inside(group))
            .collect();
        let all = |map: &Map, ids: [u32; 3]| -> Option<[u32; 3]> {
            Some([
                map.inside(ids[0])?,
                map.inside(ids[1])?,
                map.inside(ids[2])?,
            ])
        };
        let unmapped = "an id of it is not in its user namespace";
        // The id for files is what counts for reading; it can only be set as the effective one.
        let uids = [status.ruid, status.fuid, status.suid];
        let gids = [status.rgid, status.fgid, status.sgid];
        Ok(Rights {
            uids: all(&uid_map, uids).ok_or(unmapped)?,
            gids: all(&gid_map, gids).ok_or(unmapped)?,
            groups: groups.ok_or(unmapped)?,
            bounding: CapabilitySet::from_bits_retain(status.capbnd.unwrap_or(0)),
            effective: CapabilitySet::from_bits_retain(status.capeff),
        })
    }

    /// What of its capabilities is kept: those to read files.
    fn kept(&self) -> CapabilitySet {
        let reading = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        self.bounding & self.effective & reading
    }

    /// Takes them on, and looks whether that succeeded.
    pub(super) fn take_on(&self) -> Result<(), String> {
        self.narrow_bounds()?;
        let gids = self.gids.map(Gid::from_raw);
        let uids = self.uids.map(Uid::from_raw);
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        // Without the right to set them they must be the same already; that is looked at below.
        let _ = setgroups(&groups);
        let _ = setresgid(gids[0], gids[1], gids[2]);
        let _ = setresuid(uids[0], uids[1], uids[2]);
        let none = CapabilitySet::empty();
        let has = rustix::thread::capabilities(None).map_err(|error| error.to_string())?;
        let kept = self.kept() & has.permitted;
        let sets = CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: none,
        };
        set_capabilities(None, sets).map_err(|error| format!("capabilities: {error}"))?;
        self.prove(&groups)
    }

    /// Nobody without `CAP_SETPCAP` can narrow them; then there is nothing in them to gain either,
    /// because no capability is left and `no_new_privs` is set.
    fn narrow_bounds(&self) -> Result<(), String> {
        let ours = rustix::thread::capabilities(None).map_err(|error| error.to_string())?;
        if !ours.effective.contains(CapabilitySet::SETPCAP) {
            return Ok(());
        }
        for bit in 0..CAPABILITIES {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            let is_kept = self.kept().contains(one);
            if !is_kept && capability_is_in_bounding_set(one).unwrap_or(false) {
                remove_capability_from_bounding_set(one)
                    .map_err(|error| format!("capability bounds: {error}"))?;
            }
        }
        Ok(())
    }

    fn prove(&self, groups: &[Gid]) -> Result<(), String> {
        let uids = getresuid().map_err(|error| error.to_string())?;
        let gids = getresgid().map_err(|error| error.to_string())?;
        let mut ours = getgroups().map_err(|error| error.to_string())?;
        let mut theirs = groups.to_vec();
        for list in [&mut ours, &mut theirs] {
            list.sort_by_key(|group| group.as_raw());
            list.dedup();
        }
        let is_same = [
            (
                "its user ids",
                [uids.real, uids.effective, uids.saved].map(Uid::as_raw) == self.uids,
            ),
            (
                "its group ids",
                [gids.real, gids.effective, gids.saved].map(Gid::as_raw) == self.gids,
            ),
            ("its groups", ours == theirs),
        ];
        match is_same.iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(format!("{what} cannot be taken on")),
            None => Ok(()),
        }
    }
}

/// `uid_map` or `gid_map` (user_namespaces(7)), read from our own namespace: how its ids are called
/// inside.
struct Map(Vec<[u32; 3]>);

impl Map {
    fn read(target: &Process, file: &str) -> Result<Self, String> {
        let text = read_to_string(format!("/proc/{}/{file}", target.pid()))
            .map_err(|error| format!("{file}: {error}"))?;
        let lines = text.lines().filter_map(|line| {
            let mut numbers = line.split_ascii_whitespace().map(str::parse);
            let mut next = || numbers.next()?.ok();
            Some([next()?, next()?, next()?])
        });
        Ok(Map(lines.collect()))
    }

    fn inside(&self, id: u32) -> Option<u32> {
        self.0.iter().find_map(|&[inside, outside, count]| {
            let offset = id.checked_sub(outside)?;
            (offset < count)
                .then(|| inside.checked_add(offset))
                .flatten()
        })
    }
}

/// The namespaces of a process that are not ours, open.
#[derive(Debug)]
pub(super) struct Namespaces {
    /// Name, and the file of it.
    foreign: Vec<(&'static str, File)>,
}

impl Namespaces {
    /// User namespaces last: whoever has rights in ours keeps them for the others.
    const KINDS: [&'static str; 8] = ["cgroup", "ipc", "uts", "net", "time", "pid", "mnt", "user"];
    /// Those that only children enter.
    const OF_CHILDREN: [&'static str; 2] = ["pid", "time"];

    pub(super) fn of(target: &Process) -> Result<Self, String> {
        let mut foreign = Vec::new();
        for kind in Self::KINDS {
            let path = format!("/proc/{}/ns/{kind}", target.pid());
            // What the kernel does not have nobody has.
            let Ok(ours) = std::fs::metadata(format!("/proc/self/ns/{kind}")) else {
                continue;
            };
            let file =
                File::open(path).map_err(|error| format!("its {kind} namespace: {error}"))?;
            let theirs = file.metadata().map_err(|error| error.to_string())?;
            if theirs.ino() != ours.ino() {
                foreign.push((kind, file));
            }
        }
        Ok(Namespaces { foreign })
    }

    /// Whether one of them is entered only by children.
    pub(super) fn are_for_children(&self) -> bool {
        let mut kinds = self.foreign.iter().map(|(kind, _)| kind);
        kinds.any(|kind| Self::OF_CHILDREN.contains(kind))
    }

    /// Joins those that only children enter, with the user namespace where it takes that.
    pub(super) fn join_those_of_children(self) -> Result<(), String> {
        let chosen = self
            .foreign
            .into_iter()
            .filter(|(kind, _)| Self::OF_CHILDREN.contains(kind) || *kind == "user");
        join_all(chosen.collect())
    }

    /// Joins all of them; those of children were joined by the parent.
    pub(super) fn join(self) -> Result<(), String> {
        let chosen = self.foreign.into_iter();
        join_all(
            chosen
                .filter(|(kind, _)| !Self::OF_CHILDREN.contains(kind))
                .collect(),
        )
    }
}

/// Joins namespaces; those that the rights in ours do not suffice for once more when the user
/// namespace has been joined.
fn join_all(mut left: Vec<(&'static str, File)>) -> Result<(), String> {
    let mut failed = None;
    for _ in 0..2 {
        left.retain(|(kind, file)| match setns(file, CloneFlags::empty()) {
            Ok(()) => false,
            Err(error) => {
                failed = Some(format!("its {kind} namespace: {error}"));
                true
            }
        });
        if left.is_empty() {
            return Ok(());
        }
    }
    Err(failed.unwrap_or_default())
}
