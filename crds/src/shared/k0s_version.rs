//! What the API server refuses in a version of k0s, with the way out.

use crate::schema::Rule;

/// A version that can be read, such as `v1.34.2+k0s.0`; as an image tag `v1.34.2-k0s.0`.
pub(crate) const READABLE: Rule = Rule::new(
    "self.matches('^v?[0-9]+([.][0-9]+){0,2}([-+][0-9A-Za-z.+-]+)?$')",
    "this is no version: write it as v1.34.2+k0s.0",
);

/// k0s can be updated from one minor version to the next. What cannot be read is not compared.
/// Source: <https://kubernetes.io/releases/version-skew-policy/>
pub(crate) const SKEW: Rule = Rule::new(
    "!self.matches('^v?[0-9]{1,4}[.][0-9]{1,4}') || !oldSelf.matches('^v?[0-9]{1,4}[.][0-9]{1,4}') || \
     self.find('[0-9]+') != oldSelf.find('[0-9]+') || \
     int(self.find('[.][0-9]+').substring(1)) <= int(oldSelf.find('[.][0-9]+').substring(1)) + 1",
    "the version can be raised by one minor version at a time: go to the next minor version first",
);
