# Puts back what a record has, and takes the record away. Before this text stands
#   NUMBER      of the run whose record it is; 0 for whatever is there
# When the program has loaded the modules again meanwhile, nothing is put back: two of each would be worse.
# The record is then dropped, and what it has stays away.


committed = ()


def run():
    core = find_core()
    module_type = type(core['sys'])
    home = home_of_record(core, module_type)
    record = find_record(core, module_type)
    if record is None or NUMBER and record[1] != NUMBER:
        return 'nothing'
    entries = record[3]
    if [1 for entry in entries if is_occupied(entry)]:
        if NUMBER:
            return 'occupied'
        del home[RECORD]
        return 'dropped'
    raised = put_back(entries)
    if raised:
        return 'failed ' + raised[0]
    home.pop(RECORD, None)
    return 'restored'
