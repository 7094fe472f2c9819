//! How many bytes an object takes, with what it owns alone.

use super::shape::{Body, DictSlot, Shape};
use super::tracer::Tracer;
use crate::address::Address;
use crate::cpython::layout::{AttributesForm, DictKeysForm, FrameForm};
use crate::pyobject::text::State;
use crate::target::view::ViewMemory;

/// Largest object that is believed, in bytes.
const LARGEST: u64 = 1 << 46;

/// Bytes of so many words; how many comes from the target.
const fn words(count: u64) -> u64 {
    count.saturating_mul(8)
}

impl<M: ViewMemory> Tracer<'_, M> {
    /// Bytes of the object at `object`: what `sys.getsizeof` says, with the words before the object
    /// and the blocks that it alone owns.
    pub fn size(&mut self, object: Address) -> u64 {
        let Some(index) = self.shape_of(object) else {
            return 0;
        };
        let shape = self.shapes.get(index);
        let head = if shape.has_gc {
            self.look.layout.gc_head.size
        } else {
            0
        };
        let size = head
            .saturating_add(self.before(shape))
            .saturating_add(self.itself(object, shape))
            .saturating_add(self.outside(object, shape));
        size.min(LARGEST)
    }

    /// Words for attributes and weak references that lie before the object.
    fn before(&self, shape: &Shape) -> u64 {
        match self.look.heap().attributes {
            AttributesForm::Dict => 0,
            _ if shape.dict == DictSlot::Managed => 16,
            _ => 0,
        }
    }

    fn itself(&self, object: Address, shape: &Shape) -> u64 {
        let look = &self.look;
        match shape.body {
            Body::Type if self.is_heap_type(object) => shape.basicsize,
            Body::Type => look.layout.class.size,
            Body::Generator => self.generator_size(object, shape),
            Body::Bytes => self.text_size(object, shape),
            _ => {
                let inline = match shape.has_inline_values {
                    true => self.inline_size(object, shape),
                    false => 0,
                };
                look.end_of(object, shape).saturating_add(inline)
            }
        }
    }

    fn is_heap_type(&self, class: Address) -> bool {
        let flags = self.look.word(self.look.layout.class.flags.of(class));
        flags.is_some_and(|flags| crate::pyobject::class::Flags(flags).is_heap())
    }

    /// `PyDictValues` behind the object.
    fn inline_size(&self, object: Address, shape: &Shape) -> u64 {
        let capacity: Option<u8> = self.look.word(object.offset(shape.basicsize));
        8 + 9 * u64::from(capacity.unwrap_or_default())
    }

    /// A generator with its frame; its `tp_itemsize` counts slots of the code.
    fn generator_size(&self, generator: Address, shape: &Shape) -> u64 {
        let (Some(form), FrameForm::Structures(frames)) =
            (self.look.heap().generator, self.look.heap().frame)
        else {
            return shape.basicsize;
        };
        let frame = generator.offset(form.frame + self.look.heap().later);
        let code = &self.look.heap().code;
        let number = |field| {
            let at = self.look.code_of(frame, &frames)?;
            self.look.member::<i32>(at, field)
        };
        let slots = [code.locals_plus, Some(code.stack_size)]
            .into_iter()
            .flatten()
            .filter_map(number)
            .filter_map(|count| u64::try_from(count).ok());
        shape.basicsize.saturating_add(words(slots.sum()))
    }

    /// `bytes` and `str` of 2.7 have their length as items; other text as PEP 393 keeps it.
    fn text_size(&self, object: Address, shape: &Shape) -> u64 {
        let text = &self.look.layout.text;
        if shape.itemsize != 0 {
            return self.look.end_of(object, shape);
        }
        let length = self.look.length(object).saturating_add(1);
        let word: u32 = self.look.word(text.state.of(object)).unwrap_or_default();
        let Some(state) = State::of(text.form, word) else {
            return shape.basicsize.saturating_add(length.saturating_mul(4));
        };
        let characters = length.saturating_mul(u64::from(state.kind));
        let head = match (state.is_compact, state.is_ascii) {
            (true, true) => text.ascii_size,
            (true, false) => text.compact_size,
            (false, _) => shape.basicsize,
        };
        head.saturating_add(characters)
    }

    /// Blocks that only this object owns.
    fn outside(&self, object: Address, shape: &Shape) -> u64 {
        let look = &self.look;
        match shape.body {
            Body::List => {
                let allocated = look.member::<i64>(object, look.heap().list_allocated);
                words(u64::try_from(allocated.unwrap_or_default()).unwrap_or_default())
            }
            Body::Dict => self.dict_size(object),
            // A node of the order for each item, and the table that finds them.
            Body::OrderedDict => {
                let used = look.word::<u64>(look.layout.dict.used.of(object));
                let fast: Option<u64> = look.word(object.offset(look.layout.dict.size + 24));
                self.dict_size(object)
                    .saturating_add(used.unwrap_or_default().saturating_mul(32))
                    .saturating_add(fast.unwrap_or_default().saturating_mul(8))
            }
            Body::Set => {
                let later = look.heap().later;
                let mask: Option<u64> = look.word(object.offset(32 + later));
                match mask.unwrap_or_default() {
                    0..=7 => 0,
                    mask => mask.saturating_add(1).saturating_mul(16),
                }
            }
            Body::Deque => {
                let form = &look.heap().deque;
                let block = form.block_length * 8 + 16;
                let blocks = look.length(object).div_ceil(form.block_length).max(1);
                blocks.saturating_mul(block)
            }
            Body::Ring => {
                let capacity = look
                    .heap()
                    .ring
                    .and_then(|ring| look.member(object, ring.capacity));
                words(u64::try_from(capacity.unwrap_or(0i64)).unwrap_or_default())
            }
            Body::Module => look.module_state(object).map_or(0, |(_, size)| size),
            _ => 0,
        }
    }

    /// The keys of a dict that shares them with none, or its values.
    fn dict_size(&self, dict: Address) -> u64 {
        let look = &self.look;
        let layout = &look.layout.dict;
        let (Some(keys), Some(values)) = (layout.keys, layout.values) else {
            return self.table_size(dict);
        };
        let keys: Address = look.word(keys.of(dict)).unwrap_or_default();
        match look.word::<Address>(values.of(dict)) {
            Some(values) if !values.is_null() => {
                let entries = look.entries(keys).map_or(0, |entries| entries.count);
                words(entries)
            }
            _ => self.keys_size(keys).unwrap_or_default(),
        }
    }

    fn table_size(&self, dict: Address) -> u64 {
        let DictKeysForm::Table { mask, .. } = self.look.layout.dict.keys_form else {
            return 0;
        };
        match self.look.word::<u64>(mask.of(dict)).unwrap_or_default() {
            0..=7 => 0,
            mask => mask.saturating_add(1).saturating_mul(24),
        }
    }

    /// A keys object: header, indices, and room for two thirds as many entries.
    fn keys_size(&self, keys: Address) -> Option<u64> {
        let layout = &self.look.layout.dict;
        let head = self.look.view(keys, layout.keys_indices)?;
        let (slots, indices, entry) = match layout.keys_form {
            DictKeysForm::Table { .. } => return None,
            DictKeysForm::Sized { slots } => {
                let slots = u64::try_from(slots.get(head)?).ok()?;
                let width = super::containers::index_width(slots);
                (slots, slots.checked_mul(width)?, 24)
            }
            DictKeysForm::Logged {
                log2_slots,
                log2_index_bytes,
                kind,
            } => {
                let slots = 1u64.checked_shl(log2_slots.get(head)?.into())?;
                let indices = 1u64.checked_shl(log2_index_bytes.get(head)?.into())?;
                (slots, indices, if kind.get(head)? == 0 { 24 } else { 16 })
            }
        };
        let entries = (slots.checked_mul(2)? / 3).checked_mul(entry)?;
        layout
            .keys_indices
            .checked_add(indices)?
            .checked_add(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn more_words_than_memory_holds_are_as_many_bytes_as_a_number_holds() {
        assert_eq!((words(3), words(u64::MAX)), (24, u64::MAX));
    }
}
