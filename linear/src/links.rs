//! Lists from which items are taken and to which they return, in constant time.

/// A list of the numbers below its length, in order, some of them taken out.
///
/// A number that is taken out keeps its own links, so that it can be put back where it was
/// (Knuth's "dancing links"). This is right only if numbers come back in the opposite order of
/// their leaving, as in a depth-first search they do.
#[derive(Debug)]
pub(crate) struct Links {
    /// Item `i` stands at `i + 1`; 0 is before the first and after the last.
    next: Vec<u32>,
    prev: Vec<u32>,
}

/// The place before the first item and after the last.
const END: u32 = 0;

impl Links {
    /// The list of all numbers below `len`.
    pub(crate) fn new(len: usize) -> Self {
        let size = len as u32 + 1;
        Links {
            next: (0..size).map(|i| (i + 1) % size).collect(),
            prev: (0..size).map(|i| (i + size - 1) % size).collect(),
        }
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<usize> {
        self.item(self.next[END as usize])
    }

    /// The item after `index`, which may itself have been taken out: then the one that came after
    /// it when it was.
    #[inline]
    pub(crate) fn after(&self, index: usize) -> Option<usize> {
        self.item(self.next[index + 1])
    }

    #[inline]
    pub(crate) fn take(&mut self, index: usize) {
        let (prev, next) = (self.prev[index + 1], self.next[index + 1]);
        self.next[prev as usize] = next;
        self.prev[next as usize] = prev;
    }

    #[inline]
    pub(crate) fn put_back(&mut self, index: usize) {
        let (prev, next) = (self.prev[index + 1], self.next[index + 1]);
        self.next[prev as usize] = index as u32 + 1;
        self.prev[next as usize] = index as u32 + 1;
    }

    #[inline]
    fn item(&self, place: u32) -> Option<usize> {
        (place != END).then(|| place as usize - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Links;

    fn list(links: &Links) -> Vec<usize> {
        std::iter::successors(links.first(), |&i| links.after(i)).collect()
    }

    #[test]
    fn items_return_to_their_places() {
        let mut links = Links::new(5);
        assert_eq!(list(&links), [0, 1, 2, 3, 4]);
        for index in [1, 2, 0, 4] {
            links.take(index);
        }
        assert_eq!(list(&links), [3]);
        for index in [4, 0, 2] {
            links.put_back(index);
        }
        assert_eq!(list(&links), [0, 2, 3, 4]);
        assert_eq!(list(&Links::new(0)), [] as [usize; 0]);
    }
}
