// placeholder until this room is furnished
