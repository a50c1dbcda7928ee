package console

import "strconv"

// layouts are the keyboards of the menu, in its order: the files of the image's usr/share/huisclos/keyboards.
var layouts = []string{"fr", "fr-bepo", "be", "ch-fr", "ca", "us", "gb", "de"}

// keyboard sets the layout of the machine's own keyboard, and the language that the menu begins with.
func (c *Console) keyboard() error {
	c.print(keyboardWhat)
	c.print(emptyEnds)
	s, err := c.need(keyboardAsk)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > len(layouts) {
		c.print(notAnItem)
		return errCancelled
	}
	language, err := c.either(languageAsk, "fr", "en")
	if err != nil {
		return err
	}
	if err := c.act("keyboard", c.Out, "layout="+layouts[n-1], "language="+language); err != nil {
		return err
	}
	c.English = language == "en"
	c.print(done)
	return c.rest(keyboardTry)
}
