//! Which CPython, and how it was built.

use std::fmt;

/// A CPython version, in the order of `PY_VERSION_HEX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 2 or 3.
    pub major: u8,
    /// Minor version.
    pub minor: u8,
    /// Micro version.
    pub micro: u8,
    /// Release level: 0xa, 0xb, 0xc or 0xf for alpha, beta, candidate, final.
    pub level: u8,
    /// Serial number within the level.
    pub serial: u8,
}

impl Version {
    /// From `PY_VERSION_HEX` (`Include/patchlevel.h`); `None` when no CPython can have this value.
    pub fn from_hex(hex: u32) -> Option<Self> {
        let [major, minor, micro, release] = hex.to_be_bytes();
        let version = Version {
            major,
            minor,
            micro,
            level: release >> 4,
            serial: release & 0xf,
        };
        let plausible =
            matches!(major, 2 | 3) && minor < 40 && matches!(version.level, 0xa | 0xb | 0xc | 0xf);
        plausible.then_some(version)
    }

    /// (major, minor), which picks a layout.
    pub fn minor_pair(self) -> (u8, u8) {
        (self.major, self.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)?;
        match self.level {
            0xa => write!(f, "a{}", self.serial),
            0xb => write!(f, "b{}", self.serial),
            0xc => write!(f, "rc{}", self.serial),
            _ => Ok(()),
        }
    }
}

/// How the interpreter was built, told from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Build {
    /// `Py_DEBUG`.
    pub debug: bool,
    /// `Py_TRACE_REFS`: every object carries two links more.
    pub trace_refs: bool,
    /// `Py_GIL_DISABLED`.
    pub free_threaded: bool,
    /// The runtime lies in a shared libpython, not in the executable.
    pub shared_libpython: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_reads_as_python_prints_it() {
        let text = |hex| Version::from_hex(hex).map(|version| version.to_string());
        assert_eq!(text(0x030d_00f0).as_deref(), Some("3.13.0"));
        assert_eq!(text(0x030f_00c2).as_deref(), Some("3.15.0rc2"));
        assert_eq!(text(0x0207_12f0).as_deref(), Some("2.7.18"));
    }

    #[test]
    fn a_number_that_no_cpython_has_is_no_version() {
        assert_eq!(Version::from_hex(0x0907_12f0), None);
        assert_eq!(Version::from_hex(0x0307_1230), None);
    }
}
