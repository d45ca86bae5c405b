-- ping --
SELECT 1;
