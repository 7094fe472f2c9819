//! The script that the remote debugging interface is given, and the file it answers into.

use crate::control::error::ControlError;
use crate::control::shared_file::{SharedFile, may_use_its_tmp};
use crate::inject::error::{BadResult, InjectError};
use crate::inject::request::{Request, Status};
use crate::target::access::may_open_ours;
use crate::target::memory::word_in;
use crate::target::process::Process;
use std::fmt::Write;

const REMOTE: &str = include_str!("payload/remote.py");
/// Bytes before the result.
const HEAD: usize = 64;
/// Where its length is.
const LENGTH: usize = 8;

/// Script and answer: in memory of ours where the target can open that, else in its `/tmp`.
#[derive(Debug)]
pub(super) struct Script {
    script: SharedFile,
    answer: SharedFile,
    room: usize,
}

impl Script {
    /// Makes both files; `None` when there is no place where the target would find them.
    pub(super) fn place(request: &Request<'_>, process: &Process, pid: i32) -> Option<Self> {
        let root = format!("/proc/{}/root", process.pid());
        let in_memory = |content: &[u8]| SharedFile::in_memory(content);
        let in_its_tmp = |content: &[u8]| SharedFile::in_its_tmp(process.pid(), content);
        let made = may_open_ours(process.pid())
            .then(|| Script::make(request, pid, in_memory).ok())
            .flatten()
            .filter(|made| made.script.is_found_below(&root));
        made.or_else(|| Script::make(request, pid, in_its_tmp).ok())
    }

    /// Whether there is such a place, as far as can be told without making a file in it.
    pub(super) fn has_a_place(process: &Process) -> bool {
        let root = format!("/proc/{}/root", process.pid());
        let sees_us = || SharedFile::in_memory(&[]).is_ok_and(|file| file.is_found_below(&root));
        may_open_ours(process.pid()) && sees_us() || may_use_its_tmp(process.pid())
    }

    fn make(
        request: &Request<'_>,
        pid_inside: i32,
        place: impl Fn(&[u8]) -> Result<SharedFile, ControlError>,
    ) -> Result<Self, ControlError> {
        let answer = place(&[])?;
        let mut text = format!(
            "PID = {pid_inside}\nPLACE = '{}'\nFILE = {:?}\nROOM = {}\nSOURCE = '",
            answer.path(),
            answer.device_and_inode()?,
            request.max_result
        );
        for character in request.source.chars() {
            // Writing to a String cannot fail.
            let _ = match character {
                '\'' | '\\' => write!(text, "\\{character}"),
                ' '..='~' => write!(text, "{character}"),
                c => write!(text, "\\U{:08x}", u32::from(c)),
            };
        }
        text.push_str("'\n\n");
        text.push_str(REMOTE);
        Ok(Script {
            script: place(text.as_bytes())?,
            answer,
            room: request.max_result,
        })
    }

    /// The path of the script.
    pub(super) fn path(&self) -> &str {
        self.script.path()
    }

    /// Whether the whole answer is there: a file never seems longer than what has been written to it.
    pub(super) fn has_ended(&self) -> Result<bool, ControlError> {
        let head = self.answer.read(0, HEAD)?;
        let Some(length) = word_in::<u64>(&head, LENGTH).filter(|_| head.len() == HEAD) else {
            return Ok(false);
        };
        // The target wrote that number: what is longer than agreed is not waited for.
        let is_agreed = length <= self.room as u64;
        Ok(!is_agreed || self.answer.length()? >= HEAD as u64 + length)
    }

    /// What an ended script left: how it ended, its result, and how many microseconds it ran.
    pub(super) fn result(&self) -> Result<(Status, Vec<u8>, u64), InjectError> {
        let bad = |bad| Err(InjectError::BadResult(bad));
        let head = self.answer.read(0, HEAD).unwrap_or_default();
        let numbers = (word_in::<u64>(&head, LENGTH), word_in::<u64>(&head, 16));
        let (&[state, failure], (Some(length), Some(ran_us))) =
            (head.first_chunk::<2>().unwrap_or(&[0, 0]), numbers)
        else {
            return bad(BadResult::Unreadable);
        };
        let status = match (state, failure) {
            (2, 0) => Status::Ok,
            (3, 1) => Status::Raised,
            (3, 2) => return bad(BadResult::Missing),
            (3, 3) => return bad(BadResult::NotBytes),
            (3, 4) => return bad(BadResult::TooLong { limit: self.room }),
            _ => return bad(BadResult::Unreadable),
        };
        // The length was written by the target: it bounds nothing until it is bounded.
        let length = usize::try_from(length).ok().filter(|&n| n <= self.room);
        let value = length.and_then(|length| {
            let value = self.answer.read(HEAD as u64, length).ok()?;
            (value.len() == length).then_some(value)
        });
        match value {
            Some(value) => Ok((status, value, ran_us)),
            None => bad(BadResult::Unreadable),
        }
    }
}
