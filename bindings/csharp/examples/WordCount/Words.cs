using System.Text;

// Words and how often they occur, in alphabetical order: letters and the apostrophes between them, in lower case.
internal sealed class Words
{
    private const int Longest = 31; // longer words are cut
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    internal int Different => _counts.Count;

    internal long Total => _counts.Values.Sum();

    internal static Words Of(ReadOnlySpan<byte> text)
    {
        var words = new Words();
        var word = new StringBuilder();
        foreach (var letter in text)
        {
            if (char.IsAsciiLetter((char)letter) || (letter == '\'' && word.Length > 0))
            {
                if (word.Length < Longest) word.Append(char.ToLowerInvariant((char)letter));
                continue;
            }
            words.End(word);
        }
        words.End(word);
        return words;
    }

    internal void Add(Words others)
    {
        foreach (var (word, count) in others._counts) Add(word, count);
    }

    // As lines "word count".
    internal string Write() => string.Concat(_counts.Select(word => $"{word.Key} {word.Value}\n"));

    internal static Words Read(string lines)
    {
        var words = new Words();
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var space = line.IndexOf(' ');
            words.Add(line[..space], long.Parse(line.AsSpan(space + 1)));
        }
        return words;
    }

    internal bool Same(Words others) => _counts.SequenceEqual(others._counts);

    private void End(StringBuilder word)
    {
        var text = word.ToString().TrimEnd('\'');
        if (text.Length > 0) Add(text, 1);
        word.Clear();
    }

    private void Add(string word, long count) => _counts[word] = _counts.GetValueOrDefault(word) + count;
}
