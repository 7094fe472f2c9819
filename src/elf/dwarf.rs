//! What a file's DWARF says about the structures of the C program it was made from: sizes, and
//! offsets of members.
//!
//! The debug information of a CPython repeats the headers' types once for each source file, a
//! hundred times over. Only the units named by the caller are read, and of those only the types.

use gimli::{AttributeValue, DebuggingInformationEntry, EndianRcSlice, LittleEndian, UnitOffset};
use object::{Object, ObjectSection};
use std::collections::HashMap;
use std::rc::Rc;

type Reader = EndianRcSlice<LittleEndian>;
type Entry = DebuggingInformationEntry<Reader>;

/// The sections in which types are described, and the one a unit's header leads to.
const SECTIONS: [gimli::SectionId; 6] = [
    gimli::SectionId::DebugInfo,
    gimli::SectionId::DebugLine,
    gimli::SectionId::DebugAbbrev,
    gimli::SectionId::DebugStr,
    gimli::SectionId::DebugLineStr,
    gimli::SectionId::DebugStrOffsets,
];

/// A section that claims to be larger when uncompressed is not read.
const LARGEST_SECTION: u64 = 1 << 30;

/// How many typedefs, qualifiers and anonymous structures are followed; more are a cycle.
const DEEPEST: usize = 32;

/// Why a file's DWARF cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DwarfError {
    /// The bytes are no ELF file.
    #[error("not an ELF file: {0}")]
    NotElf(String),
    /// The file was stripped, or built without `-g`.
    #[error("the file has no debug information")]
    Absent,
    /// The debug information does not follow the standard.
    #[error("the debug information is malformed: {0}")]
    Malformed(String),
}

impl From<gimli::Error> for DwarfError {
    fn from(error: gimli::Error) -> Self {
        DwarfError::Malformed(error.to_string())
    }
}

/// Where a type is described.
#[derive(Debug, Clone, Copy)]
struct Place {
    unit: usize,
    offset: UnitOffset,
}

/// The structures of some units of a file.
pub struct Structures {
    dwarf: gimli::Dwarf<Reader>,
    units: Vec<gimli::Unit<Reader>>,
    /// By name, with `struct ` or `union ` before a tag: the first definition of each.
    types: HashMap<String, Place>,
}

impl std::fmt::Debug for Structures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Structures({})", self.types.len())
    }
}

impl Structures {
    /// Reads the types of the units whose source file has one of these names (`pystate.c`), in the
    /// order of the names: the first unit that defines a type is believed.
    ///
    /// # Errors
    /// When the bytes are not an ELF file with well-formed debug information.
    pub fn parse(file: &[u8], sources: &[&str]) -> Result<Self, DwarfError> {
        let elf =
            object::File::parse(file).map_err(|error| DwarfError::NotElf(error.to_string()))?;
        let dwarf = gimli::Dwarf::load(|id| load(&elf, id))?;
        let mut structures = Structures {
            units: units_of(&dwarf, sources)?,
            dwarf,
            types: HashMap::new(),
        };
        if structures.dwarf.units().next()?.is_none() {
            return Err(DwarfError::Absent);
        }
        for unit in 0..structures.units.len() {
            structures.index(unit)?;
        }
        Ok(structures)
    }

    /// `sizeof(name)`, in bytes; `None` when the units read do not define the type.
    pub fn size_of(&self, name: &str) -> Option<u64> {
        let (_, structure) = self.structure(*self.types.get(name)?)?;
        structure.attr_value(gimli::DW_AT_byte_size)?.udata_value()
    }

    /// `offsetof(name, member)`, in bytes, where `member` may be nested (`ceval.pending`) and
    /// anonymous structures are looked through; `None` when there is no such type or member.
    pub fn offset_of(&self, name: &str, member: &str) -> Option<u64> {
        let mut place = *self.types.get(name)?;
        let mut sum: u64 = 0;
        for part in member.split('.') {
            let (offset, inner) = self.member(place, part, DEEPEST)?;
            sum = sum.checked_add(offset)?;
            place = inner;
        }
        Some(sum)
    }

    /// A member's offset in the structure at `place`, and where its type is described.
    fn member(&self, place: Place, name: &str, depth: usize) -> Option<(u64, Place)> {
        let (place, structure) = self.structure(place)?;
        let unit = &self.units[place.unit];
        let mut tree = unit.entries_tree(Some(structure.offset())).ok()?;
        let mut children = tree.root().ok()?.children();
        while let Some(child) = children.next().ok()? {
            let entry = child.entry();
            if entry.tag() != gimli::DW_TAG_member {
                continue;
            }
            let offset = match entry.attr_value(gimli::DW_AT_data_member_location) {
                Some(location) => location.udata_value()?,
                None => 0, // in a union, and for bit fields
            };
            let found = self.name_of(unit, entry);
            let inner = self.type_of(place.unit, entry);
            match (found, inner) {
                (Some(found), Some(inner)) if found == name => return Some((offset, inner)),
                (None, Some(inner)) if depth > 0 => {
                    if let Some((further, inner)) = self.member(inner, name, depth - 1) {
                        return Some((offset.checked_add(further)?, inner));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The structure or union a type is, behind typedefs and qualifiers.
    fn structure(&self, mut place: Place) -> Option<(Place, Entry)> {
        for _ in 0..DEEPEST {
            let entry = self.units[place.unit].entry(place.offset).ok()?;
            match entry.tag() {
                gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type => {
                    if !entry.has_attr(gimli::DW_AT_declaration) {
                        return Some((place, entry));
                    }
                    // Declared here, defined in another unit.
                    let name = self.tagged_name(&self.units[place.unit], &entry)?;
                    place = *self.types.get(&name)?;
                }
                gimli::DW_TAG_typedef
                | gimli::DW_TAG_const_type
                | gimli::DW_TAG_volatile_type
                | gimli::DW_TAG_atomic_type => place = self.type_of(place.unit, &entry)?,
                _ => return None,
            }
        }
        None
    }

    /// Where the type of a member or typedef is described. A reference out of the units read, as
    /// link time optimisation makes them, leads nowhere.
    fn type_of(&self, unit: usize, entry: &Entry) -> Option<Place> {
        match entry.attr_value(gimli::DW_AT_type)? {
            AttributeValue::UnitRef(offset) => Some(Place { unit, offset }),
            AttributeValue::DebugInfoRef(target) => {
                let found = |unit: &gimli::Unit<Reader>| target.to_unit_offset(&unit.header);
                self.units
                    .iter()
                    .enumerate()
                    .find_map(|(unit, candidate)| Some((unit, found(candidate)?)))
                    .map(|(unit, offset)| Place { unit, offset })
            }
            _ => None,
        }
    }

    fn name_of(&self, unit: &gimli::Unit<Reader>, entry: &Entry) -> Option<String> {
        let value = entry.attr_value(gimli::DW_AT_name)?;
        let name = self.dwarf.attr_string(unit, value).ok()?;
        Some(String::from_utf8_lossy(name.bytes()).into_owned())
    }

    /// The name under which a type is indexed.
    fn tagged_name(&self, unit: &gimli::Unit<Reader>, entry: &Entry) -> Option<String> {
        let name = self.name_of(unit, entry)?;
        match entry.tag() {
            gimli::DW_TAG_structure_type => Some(format!("struct {name}")),
            gimli::DW_TAG_union_type => Some(format!("union {name}")),
            gimli::DW_TAG_typedef => Some(name),
            _ => None,
        }
    }

    /// Enters the types that one unit defines.
    fn index(&mut self, unit: usize) -> Result<(), DwarfError> {
        let here = &self.units[unit];
        let mut tree = here.entries_tree(None)?;
        let mut children = tree.root()?.children();
        let mut found = Vec::new();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if entry.has_attr(gimli::DW_AT_declaration) {
                continue;
            }
            if let Some(name) = self.tagged_name(here, entry) {
                found.push((name, entry.offset()));
            }
        }
        for (name, offset) in found {
            self.types.entry(name).or_insert(Place { unit, offset });
        }
        Ok(())
    }
}

/// The units of these source files, in the order of their names.
fn units_of(
    dwarf: &gimli::Dwarf<Reader>,
    sources: &[&str],
) -> Result<Vec<gimli::Unit<Reader>>, DwarfError> {
    let mut found = Vec::new();
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        let unit = dwarf.unit(header)?;
        let Some(name) = &unit.name else {
            continue;
        };
        let name = String::from_utf8_lossy(name.bytes()).into_owned();
        let file = name.rsplit('/').next().unwrap_or(&name);
        if let Some(rank) = sources.iter().position(|&source| source == file) {
            found.push((rank, unit));
        }
    }
    found.sort_by_key(|&(rank, _)| rank);
    Ok(found.into_iter().map(|(_, unit)| unit).collect())
}

/// One section, uncompressed; an empty one where the file has none or it is not needed.
fn load(elf: &object::File<'_>, id: gimli::SectionId) -> Result<Reader, DwarfError> {
    let reader = |bytes: &[u8]| Reader::new(Rc::from(bytes), LittleEndian);
    let section = match elf.section_by_name(id.name()) {
        Some(section) if SECTIONS.contains(&id) => section,
        _ => return Ok(reader(&[])),
    };
    let malformed = |error: object::Error| DwarfError::Malformed(error.to_string());
    let data = section.compressed_data().map_err(malformed)?;
    if data.uncompressed_size > LARGEST_SECTION {
        return Err(DwarfError::Malformed(format!("{} is too large", id.name())));
    }
    Ok(reader(&data.decompress().map_err(malformed)?))
}
