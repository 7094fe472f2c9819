//! The symbols that an image exports, looked up in memory as the dynamic loader does.

use crate::address::{Address, AddressRange, Bias, FileAddress};
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::ProgramHeader;
use goblin::elf::dynamic::{DT_GNU_HASH, DT_STRTAB, DT_SYMTAB, Dynamic};
use goblin::elf::program_header::PT_DYNAMIC;

/// A dynamic table larger than this is not read.
const MAX_TABLE: usize = 1 << 20;
/// Longest chain followed in a hash table; linkers make chains of a few.
const MAX_CHAIN: u32 = 1024;

/// The form of every image we read.
pub(super) const CTX: Ctx = Ctx {
    container: Container::Big,
    le: Endian::Little,
};

/// A symbol, where it is in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    /// Where it is.
    pub address: Address,
    /// Its size in bytes, 0 when the table does not say.
    pub size: u64,
}

/// Where the dynamic symbols of an image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DynamicSymbols {
    symbols: Address,
    strings: Address,
    gnu_hash: Address,
}

impl DynamicSymbols {
    /// Finds the tables through the dynamic table, which lies at `table`; `None` when it lacks one.
    pub(super) fn read(
        memory: &(impl ReadMemory + ?Sized),
        bias: Bias,
        table: AddressRange,
    ) -> Option<Self> {
        let size = usize::try_from(table.len())
            .ok()
            .filter(|&size| size <= MAX_TABLE)?;
        let bytes = memory.read_bytes_at(table.start, size).ok()?;
        let whole = ProgramHeader {
            p_type: PT_DYNAMIC,
            p_offset: 0,
            p_filesz: bytes.len() as u64,
            ..ProgramHeader::default()
        };
        let table = Dynamic::parse(&bytes, &[whole], CTX).ok()??;
        let pointer = |tag: u64| {
            let entry = table.dyns.iter().find(|entry| entry.d_tag == tag)?;
            Some(loaded_pointer(bias, entry.d_val))
        };
        Some(DynamicSymbols {
            symbols: pointer(DT_SYMTAB)?,
            strings: pointer(DT_STRTAB)?,
            gnu_hash: pointer(DT_GNU_HASH)?,
        })
    }

    /// Looks a name up in the GNU hash table, as the dynamic loader does.
    pub(super) fn find(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        name: &[u8],
        bias: Bias,
    ) -> Option<Symbol> {
        let head = memory.read_bytes_at(self.gnu_hash, 16).ok()?;
        let [buckets, first, bloom_words] = [0, 4, 8].map(|at| word_in::<u32>(&head, at));
        let (buckets, first, bloom_words) = (buckets?, first?, bloom_words?);
        let bucket_table = self.gnu_hash.offset(16 + 8 * u64::from(bloom_words));
        let chains = bucket_table.offset(4 * u64::from(buckets));
        let hash = gnu_hash(name);
        let bucket = bucket_table.offset(4 * u64::from(hash.checked_rem(buckets)?));
        let start: u32 = memory.read_at(bucket).ok()?;
        // The last number has none behind it.
        let indices = (0..MAX_CHAIN).map_while(|step| start.checked_add(step));
        for index in indices {
            let entry: u32 = memory
                .read_at(chains.offset(4 * u64::from(index.checked_sub(first)?)))
                .ok()?;
            if entry | 1 == hash | 1
                && let Some(symbol) = self.symbol(memory, index, name, bias)
            {
                return Some(symbol);
            }
            if entry & 1 == 1 {
                return None;
            }
        }
        None
    }

    /// The symbol at `index`, if it has this name and is defined here.
    fn symbol(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        index: u32,
        name: &[u8],
        bias: Bias,
    ) -> Option<Symbol> {
        let bytes = memory
            .read_bytes_at(self.symbols.offset(24 * u64::from(index)), 24)
            .ok()?;
        let symbol = goblin::elf::sym::Symtab::parse(&bytes, 0, 1, CTX)
            .ok()?
            .get(0)?;
        let at = self.strings.offset(symbol.st_name as u64);
        let text = memory.read_c_string_at(at, name.len() + 1).ok()?;
        (text == name && symbol.st_shndx != 0).then(|| Symbol {
            address: FileAddress(symbol.st_value).moved(bias),
            size: symbol.st_size,
        })
    }
}

fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

/// glibc adds the bias to the pointers of a loaded dynamic table, musl leaves them as they are.
fn loaded_pointer(bias: Bias, value: u64) -> Address {
    if value >= bias.0 && bias.0 <= u64::MAX / 2 {
        Address::new(value)
    } else {
        FileAddress(value).moved(bias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::FakeMemory;
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_that_of_the_dynamic_loader() {
        assert_eq!(gnu_hash(b"printf"), 0x156b_2bb8);
        assert_eq!(gnu_hash(b""), 0x1505);
    }

    #[test]
    fn a_chain_without_an_end_is_left() {
        let mut table = vec![0u8; 1 << 20];
        // One bucket; its chain never has the low bit that ends it.
        table[..4].copy_from_slice(&1u32.to_le_bytes());
        let symbols = tables_at(0x10_0000);
        let memory = FakeMemory::new().with(0x10_0000, &table);
        assert_eq!(symbols.find(&memory, b"_PyRuntime", Bias(0)), None);
    }

    #[test]
    fn a_chain_at_the_last_number_of_all_ends() {
        let mut table = vec![0u8; 64];
        table[..8].copy_from_slice(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        table[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        let memory = FakeMemory::new().with(0x10_0000, &table);
        let symbols = tables_at(0x10_0000);
        assert_eq!(symbols.find(&memory, b"_PyRuntime", Bias(0)), None);
    }

    fn tables_at(address: u64) -> DynamicSymbols {
        let address = Address::new(address);
        DynamicSymbols {
            symbols: address,
            strings: address,
            gnu_hash: address,
        }
    }

    proptest! {
        #[test]
        fn random_tables_never_panic(
            tables in proptest::collection::vec(any::<u8>(), 16..4096),
            dynamic in proptest::collection::vec(any::<u8>(), 0..512),
        ) {
            let memory = FakeMemory::new().with(0x1000, &tables).with(0x8000, &dynamic);
            let _ = tables_at(0x1000).find(&memory, b"_PyRuntime", Bias(0));
            let start = Address::new(0x8000);
            let range = AddressRange::new(start, start.offset(dynamic.len() as u64));
            let _ = DynamicSymbols::read(&memory, Bias(0), range);
        }
    }
}
