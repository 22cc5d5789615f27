// RUN: not compress-opt %s --compress-permute-channels=prune=channel:0.5 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not compress-opt %s --compress-permute-channels=prune=5:4 2>&1 | FileCheck %s --check-prefix=BLOCK

// PATTERN: error: option 'prune': expects N:M, got 'channel:0.5'
// BLOCK: error: {{.*}}5:4
module {}
