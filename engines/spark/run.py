"""What `spark-submit` runs: the command `archiver-spark`."""

import sys

from archiver_spark.main import main

sys.exit(main())
