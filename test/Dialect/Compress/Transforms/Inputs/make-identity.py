"""Statistics with the identity as Gram matrix: make-identity.py OUTPUT OP FEATURES GROUPS"""
import json
import subprocess
import sys
from pathlib import Path

output, op, features, groups = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
identity = [[float(i == j) for j in range(features)] for i in range(features)]
entry = {"channels": features, "vectors": 1, "groups": groups, "features": features,
         "gram_vectors": 1, "gram": [identity] * groups}
script = Path(__file__).with_name("make-statistics.py")
subprocess.run([sys.executable, script, output, json.dumps({op + ":input": entry})], check=True)
