"""Pictures of one service on the second day."""

from commands import ARCHIVE, FEATURES, PICTURES, WORK, Failed, analyze, found, model
from services import day


def draw(service):
    """Its features with what three-sigma says of them, and its scores by k-means."""
    of = ["--filter", f"appid = '{service}'", "--timezone", "UTC", "--since", day(1), "--until", day(2)]
    for kind in ["png", "svg"]:
        analyze("plot", ARCHIVE, "--value", ",".join(FEATURES), "-o", PICTURES, "--format", kind, *of)
    analyze("predict", ARCHIVE, "--model", model("kmeans"), "--plot", PICTURES, *of)
    drawn = sorted(path for path in (WORK / PICTURES).rglob("*.*") if path.is_file())
    if len(drawn) != 2 * len(FEATURES) + 1:
        raise Failed(f"{len(drawn)} pictures were drawn, not of each feature two and one of the scores")
    for path in drawn:
        found(f"{path} ({path.stat().st_size:,} bytes)")
