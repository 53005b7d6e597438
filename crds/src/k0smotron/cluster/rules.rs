//! What the API server refuses, with the way out.

use crate::schema::Rule;

/// Of the spec of a control plane.
pub(crate) const CLUSTER: [Rule; 1] = [Rule {
    rule: "!has(self.image) || !self.image.matches('.*:[^/]+$')",
    message: "image is named without a tag: the tag is made from version",
}];
