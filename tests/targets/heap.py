"""Prints how many objects are frozen and the ids of all others the collector tracks, then waits."""
import gc
import sys

gc.disable()
gc.collect()
garbage = [[number] for number in range(2000)]
if hasattr(gc, 'freeze'):
    gc.freeze()
later = [[number] for number in range(100)]
ids = None
ids = [id(thing) for thing in gc.get_objects() if thing is not ids]
sys.stdout.write('%d\n' % (gc.get_freeze_count() if hasattr(gc, 'freeze') else 0))
sys.stdout.write('\n'.join(str(value) for value in ids))
sys.stdout.write('\nREADY\n')
sys.stdout.flush()
sys.stdin.read()
